"""The suggestions of each rule in a cell: ours by our sweeps, the peers' by their own code."""

import contextlib
import io
import math
from collections.abc import Iterator, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from benchmarks.range_tests.cells import BATCH_SIZE, L2, MOMENTUM, Cell
from benchmarks.range_tests.results import Results
from lradapt.errors import TrainingError
from lradapt.training.inputs.batches import training_batches
from lradapt.training.layers import layer_groups
from lradapt.training.loop import train_steps
from lradapt.training.range_test.curve import Sweep, make_sweep
from lradapt.training.range_test.measure import range_test
from lradapt.training.range_test.rules import RULES
from lradapt.training.range_test.suggestion import suggest
from lradapt.training.schedules import geometric

PEER_STEPS = 100
"""Of fastai (1e-7 to 10) and Lightning (1e-8 to 1) alike: eight decades in a hundred steps."""


def our_sweeps(cell: Cell, seed: int, results: Results) -> list[Sweep]:
    """Run the sweeps of one suggestion, with seeds that no other suggestion uses."""
    test = cell.test

    def sweep(number: int) -> tuple[Sequence[float], ...]:
        model = cell.start(number)
        (found,) = range_test(
            model,
            training_batches(cell.training, batch_size=BATCH_SIZE, seed=number),
            _optimizer(cell, model, test.end_lr),
            start_lr=test.start_lr,
            end_lr=test.end_lr,
            num_steps=test.num_steps,
            engine=cell.engine,
        ).sweeps
        return found.rates, found.losses, found.baseline

    numbers = range(seed * test.num_sweeps, (seed + 1) * test.num_sweeps)
    name = f"{cell.name} sweep {test.start_lr:g}-{test.end_lr:g}/{test.num_steps}"
    return [make_sweep(*results.get(f"{name} {n}", partial(sweep, n))) for n in numbers]


def our_suggestions(cell: Cell, seed: int, results: Results) -> dict[str, float | None]:
    """Return the rate of each of our rules; None where the rule refuses."""
    sweeps = our_sweeps(cell, seed, results)

    def rate(rule: str) -> float | None:
        try:
            return suggest(sweeps, rule).rate
        except TrainingError:
            return None

    return {f"lradapt {rule}": rate(rule) for rule in RULES}


def peer_curve(cell: Cell, seed: int, results: Results) -> tuple[Any, Any]:
    """Return rates and raw losses of a sweep from 1e-7 to 10, with the settings of fastai."""

    def sweep() -> tuple[list[float], list[float]]:
        model = cell.start(seed)
        batches = training_batches(cell.training, batch_size=BATCH_SIZE, seed=seed)
        optimizer = _optimizer(cell, model, 10.0)
        rising = LambdaLR(optimizer, geometric(start=1e-7, end=10.0, num_steps=PEER_STEPS))
        steps = train_steps(model, islice(batches, PEER_STEPS), optimizer, rising, cell.engine)
        done = list(_until_lost(steps))
        return [step.rates[-1] for step in done], [step.loss for step in done]

    rates, losses = results.get(f"{cell.name} peers' sweep {seed}", sweep)
    return np.array(rates), np.array(losses)


def _until_lost(steps: Iterator[Any]) -> Iterator[Any]:
    """Yield the steps until a loss at which each peer would have stopped."""
    lowest = math.inf
    for step in steps:
        if not math.isfinite(step.loss) or step.loss > 1000 * lowest:
            return
        lowest = min(lowest, step.loss)
        yield step


def _optimizer(cell: Cell, model: nn.Module, end_lr: float) -> Optimizer:
    layers = [layer for layer, _ in cell.groups]
    peaks = [share * end_lr for _, share in cell.groups]
    groups = layer_groups(model, peaks, layers=layers)
    return torch.optim.SGD(groups, momentum=MOMENTUM, weight_decay=L2)


def exponential(losses: npt.NDArray[Any], weight: float) -> npt.NDArray[Any]:
    """Compute the exponential mean corrected for its start, as fastai and Lightning (0.98)."""
    value, smoothed = 0.0, []
    for number, loss in enumerate(losses, start=1):
        value = weight * value + (1 - weight) * loss
        smoothed.append(value / (1 - weight**number))
    return np.array(smoothed)


def until_diverged(smoothed: npt.NDArray[Any], factor: float) -> int:
    """Count the points of a sweep that ends once its loss is `factor` times its lowest."""
    lost = np.flatnonzero(smoothed > factor * np.minimum.accumulate(smoothed))
    return int(lost[0]) + 1 if len(lost) else len(smoothed)


def fastai_suggestions(rates: npt.NDArray[Any], losses: npt.NDArray[Any]) -> dict[str, float]:
    """Apply fastai's four rules to the part of the curve that its `lr_find` gives them."""
    rules = import_module("fastai.callback.schedule")
    smoothed = exponential(losses, 0.98)
    part = slice(PEER_STEPS // 10, until_diverged(smoothed, 4.0) - 5)
    shown = torch.tensor(rates[part]), torch.tensor(smoothed[part])
    names = ("valley", "steep", "minimum", "slide")
    return {f"fastai {name}": float(getattr(rules, name)(*shown, PEER_STEPS)[0]) for name in names}


def lightning_suggestions(rates: npt.NDArray[Any], losses: npt.NDArray[Any]) -> dict[str, float]:
    """Apply Lightning's rule up to the last rate of its own sweep, 1."""
    rates, losses = rates[rates <= 1.0], losses[rates <= 1.0]
    finder_class = import_module("lightning.pytorch.tuner.lr_finder")._LRFinder
    finder = finder_class("exponential", rates[0], 1.0, PEER_STEPS)
    smoothed = exponential(losses, 0.98)
    count = until_diverged(smoothed, 4.0)
    finder.results = {"lr": rates[:count].tolist(), "loss": smoothed[:count].tolist()}
    return {"Lightning": float(finder.suggestion())}


def lr_finder_suggestions(rates: npt.NDArray[Any], losses: npt.NDArray[Any]) -> dict[str, float]:
    """Apply torch-lr-finder's rule, which is a part of its plot."""
    from matplotlib.figure import Figure

    finder_class = import_module("torch_lr_finder").LRFinder
    smoothed = [losses[0]]
    for loss in losses[1:]:
        smoothed.append(0.05 * loss + 0.95 * smoothed[-1])
    count = until_diverged(np.array(smoothed), 5.0)
    finder = object.__new__(finder_class)
    finder.history = {"lr": rates[:count].tolist(), "loss": smoothed[:count]}
    with contextlib.redirect_stdout(io.StringIO()):
        _, rate = finder.plot(ax=Figure().add_subplot(), suggest_lr=True)
    return {"torch-lr-finder": float(rate)}


PEERS = {
    "fastai": fastai_suggestions,
    "lightning": lightning_suggestions,
    "torch_lr_finder": lr_finder_suggestions,
}
"""Package -> the function that calls its code."""


def peer_suggestions(cell: Cell, seed: int, results: Results) -> dict[str, float | None]:
    """Return the rate of each rule of the installed peers."""
    rates, losses = peer_curve(cell, seed, results)
    return {
        rule: rate
        for package, ask in PEERS.items()
        if find_spec(package)
        for rule, rate in ask(rates, losses).items()
    }
