"""The measurements of a cell, each made once: range tests, trainings, and the head alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import log_softmax

from benchmarks.range_tests.results import Results
from benchmarks.rate_grid.cells import Cell
from benchmarks.rate_grid.head_cell import HeadCell
from lradapt.errors import DivergedError
from lradapt.training.range_test.curve import Sweep, make_sweep
from lradapt.training.range_test.measure import scaled
from lradapt.training.range_test.suggestion import Suggestion, suggest_or_given

Figures = dict[str, Any]
Labels = npt.NDArray[np.int64]


class Measurement:
    """A cell and its figures."""

    def __init__(self, cell: Cell | HeadCell, folder: Path, labels: Labels) -> None:
        self.cell, self.labels = cell, labels
        folder.mkdir(parents=True, exist_ok=True)
        self.results = Results(folder / f"{cell.name.replace(' ', '-')}.json")

    def train(self, seed: int) -> None:
        """Make every training of a seed."""
        self.before()
        self.found(seed)
        for rate in self.cell.grid:
            self.at(rate, seed)

    def before(self) -> Figures:
        """Measure the model before its training."""
        figures: Figures = self.results.get(
            "before", lambda: self._scores(self.cell.logits(self.cell.start()))
        )
        return figures

    def sweeps(self, seed: int) -> list[Sweep]:
        """Measure the sweeps of one suggestion."""

        def measured() -> list[list[tuple[float, ...]]]:
            found = self.cell.sweeps(seed)
            return [[sweep.rates, sweep.losses, sweep.baseline] for sweep in found]

        return [make_sweep(*sweep) for sweep in self.results.get(f"sweeps {seed}", measured)]

    def suggestion(self, seed: int) -> Suggestion:
        """Return the rate of the last group that the product reads off the sweeps."""
        given = self.cell.given[-1]
        return suggest_or_given(self.sweeps(seed), self.cell.rule, given, strict=False)

    def found_rates(self, seed: int) -> list[float]:
        """Return the suggested rates by depth."""
        return scaled(self.cell.given, self.suggestion(seed).rate)

    def found_rate(self, seed: int) -> float:
        """Return that of the first group that is trained."""
        return _first(self.found_rates(seed))

    def found(self, seed: int) -> Figures:
        """Train at the found rates."""
        return self._trained(self.found_rates(seed), seed)

    def has_sweeps(self, seed: int) -> bool:
        """Return whether the sweeps of a seed are measured."""
        return f"sweeps {seed}" in self.results.figures

    def is_done(self, seed: int) -> bool:
        """Return whether every figure of a seed is measured."""
        if not self.has_sweeps(seed):
            return False
        names = {_name(rate, seed) for rate in (*self.cell.grid, self.found_rate(seed))}
        return names | {"before"} <= self.results.figures.keys()

    def at(self, rate: float, seed: int) -> Figures:
        """Train at a rate of the first group that is trained; the others keep their ratio to it."""
        given = self.cell.given
        return self._trained([each * rate / _first(given) for each in given], seed)

    def _trained(self, max_lrs: list[float], seed: int) -> Figures:
        def measured() -> Figures:
            try:
                return self._scores(self.cell.logits(self.cell.trained(max_lrs, seed)))
            except DivergedError as error:
                return {"diverged": str(error)}

        figures: Figures = self.results.get(_name(_first(max_lrs), seed), measured)
        return figures

    def _scores(self, logits: np.ndarray[Any, Any]) -> Figures:
        losses = -log_softmax(logits, axis=1)[np.arange(len(self.labels)), self.labels]
        predicted = logits.argmax(1).astype(np.uint8)
        return {"loss": float(losses.mean()), "predicted": predicted.tobytes().hex()}


def _first(rates: Sequence[float]) -> float:
    return next(rate for rate in rates if rate)  # 0: frozen


def _name(rate: float, seed: int) -> str:
    return f"trained {rate:.3g} {seed}"
