"""The measurements of a cell, each made once: range tests, trainings, and the head alone."""

from typing import Any

import numpy as np
from scipy.special import log_softmax

from benchmarks.range_tests.results import Results
from benchmarks.rate_grid.cells import Cell
from lradapt.errors import DivergedError
from lradapt.training.range_test.curve import Sweep, make_sweep
from lradapt.training.range_test.measure import scaled
from lradapt.training.range_test.suggestion import Suggestion, suggest_or_given

GRID = tuple(float(f"{rate:.2g}") for rate in np.geomspace(1e-5, 1e-2, 8))
"""Peak rates of the body, 2.7 times apart; the head has a fifth, as an import sets it."""
Figures = dict[str, Any]


class Measurement:
    """A cell and its figures."""

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        cell.folder.mkdir(parents=True, exist_ok=True)
        self.results = Results(cell.folder / "figures.json")

    def train(self, seed: int) -> None:
        """Make every training of a seed."""
        self.head()
        self.found(seed)
        for rate in GRID:
            self.at(rate, seed)

    def head(self) -> Figures:
        """Measure the solved head alone; it depends on no seed."""
        figures: Figures = self.results.get(
            "head", lambda: self._scores(self.cell.logits(self.cell.network))
        )
        return figures

    def sweeps(self, seed: int) -> list[Sweep]:
        """Measure the sweeps of one suggestion."""

        def measured() -> list[list[tuple[float, ...]]]:
            found = self.cell.sweeps(seed)
            return [[sweep.rates, sweep.losses, sweep.baseline] for sweep in found]

        return [make_sweep(*sweep) for sweep in self.results.get(f"sweeps {seed}", measured)]

    def suggestion(self, seed: int) -> Suggestion:
        """Return the rate of the head that the product reads off the sweeps."""
        params = self.cell.params
        return suggest_or_given(
            self.sweeps(seed), params.find_body_lr.rule, params.body_rates.rates[-1], strict=False
        )

    def found_rates(self, seed: int) -> list[float]:
        """Return the suggested rates by depth, the body's first."""
        return scaled(self.cell.params.body_rates.rates, self.suggestion(seed).rate)

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
        names = {_name(rate, seed) for rate in (*GRID, self.found_rates(seed)[0])}
        return names | {"head"} <= self.results.figures.keys()

    def at(self, rate: float, seed: int) -> Figures:
        """Train at a rate of the body."""
        given = self.cell.params.body_rates.rates
        return self._trained([each * rate / given[0] for each in given], seed)

    def _trained(self, max_lrs: list[float], seed: int) -> Figures:
        def measured() -> Figures:
            try:
                return self._scores(self.cell.logits(self.cell.trained(max_lrs, seed)))
            except DivergedError as error:
                return {"diverged": str(error)}

        figures: Figures = self.results.get(_name(max_lrs[0], seed), measured)
        return figures

    def _scores(self, logits: np.ndarray[Any, Any]) -> Figures:
        labels = self.cell.arrays["test_labels"]
        losses = -log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
        predicted = logits.argmax(1).astype(np.uint8)
        return {"loss": float(losses.mean()), "predicted": predicted.tobytes().hex()}


def _name(rate: float, seed: int) -> str:
    return f"trained {rate:.3g} {seed}"
