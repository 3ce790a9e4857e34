"""LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2): measure, then suggest.

Measuring trains a copy of the model for a few steps at rates that rise in equal ratios. Suggesting
reads one point off the smoothed curve. Drawing is `lradapt.plots`.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median

import numpy as np
import numpy.typing as npt
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from lradapt.batches import Batch
from lradapt.engine import Engine
from lradapt.errors import TrainingError
from lradapt.imbalance import Loss
from lradapt.schedules import geometric
from lradapt.train import train_steps

Curve = npt.NDArray[np.float64]

DIVERGED = 4.0
"""A sweep ends when its smoothed loss is this many times its lowest."""
SMOOTHING = 0.9
"""Weight of the past in the exponential mean of the losses."""
NEAR_LOWEST = 1.1
"""Up to this many times its lowest, a smoothed loss counts as near it."""
LEAST_FALL = 0.02
"""A curve whose smoothed loss falls by less than this share of its start shows nothing."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One rising sweep: the rates tried, the loss at each, and the smoothed loss; equal lengths."""

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    smoothed: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The rate that several sweeps suggest: their median, the lowest and the highest."""

    rate: float
    lowest: float
    highest: float


def measure(
    model: nn.Module,
    batches: Iterator[Batch],
    make_optimizer: Callable[[nn.Module], Optimizer],
    engine: Engine,
    *,
    start_lr: float,
    end_lr: float,
    num_steps: int,
    loss: Loss = F.cross_entropy,
) -> Sweep:
    """Train a copy of `model` at rising rates until the loss diverges; `model` stays as it is.

    Args:
        model: in train or eval mode, as it is to be trained.
        batches: at least `num_steps`.
        make_optimizer: for the copy, with groups made by `build_param_groups`; the rates are
            those of the last group.
        engine: where to compute.
        start_lr: rate of the first step.
        end_lr: rate of the last step; the peak rate of the last group.
        num_steps: steps of the whole sweep.
        loss: as it is to be trained.
    """
    trial = copy.deepcopy(model)
    schedule = geometric(start=start_lr, end=end_lr, num_steps=num_steps)
    optimizer = make_optimizer(trial)
    steps = train_steps(trial, islice(batches, num_steps), optimizer, schedule, engine, loss=loss)
    rates, losses, smoothed = [], [], _Smoothed()
    for step in steps:
        if not math.isfinite(step.loss):
            break
        rates.append(step.rates[-1])
        losses.append(step.loss)
        smoothed.add(step.loss)
        if smoothed.values[-1] > DIVERGED * min(smoothed.values):
            break
    return Sweep(tuple(rates), tuple(losses), tuple(smoothed.values))


def suggest(sweeps: Sequence[Sweep], rule: str) -> Suggestion:
    """The median of what the rule suggests for each sweep.

    Args:
        sweeps: of the same test with other seeds.
        rule: a name in `RULES`.

    Raises:
        TrainingError: the curves show nothing from which a rate could be read.
    """
    rates = [_read_off(sweep, rule) for sweep in sweeps]
    return Suggestion(median(rates), min(rates), max(rates))


def steepest(log_rates: Curve, smoothed: Curve) -> int:
    """The point of steepest fall per logarithm of the rate, before the minimum."""
    _require_fall(smoothed)
    slope = np.gradient(smoothed, log_rates)
    return int(np.argmin(slope[: int(np.argmin(smoothed)) + 1]))


def minimum(log_rates: Curve, smoothed: Curve) -> int:
    """The point a factor of ten below the minimum (fast.ai, 2017)."""
    _require_fall(smoothed)
    return _below(log_rates, int(np.argmin(smoothed)), factor=10)


def edge(log_rates: Curve, smoothed: Curve) -> int:
    """The point a factor of three below the last rate at which the loss is still near its lowest.

    For a network whose head is trained already: its loss hardly falls before it rises, so where it
    falls says nothing (docs/log.md).
    """
    near = np.flatnonzero(smoothed <= NEAR_LOWEST * smoothed.min())
    if near[-1] == len(smoothed) - 1:
        raise TrainingError(
            "the range test never diverged: the loss is still near its lowest at the last rate, "
            f"{math.exp(log_rates[-1]):.2g}; raise its end_lr"
        )
    return _below(log_rates, int(near[-1]), factor=3)


RULES: dict[str, Callable[[Curve, Curve], int]] = {
    "steepest": steepest,
    "minimum": minimum,
    "edge": edge,
}


class _Smoothed:
    """Exponential mean, corrected for its start."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._mean = 0.0

    def add(self, loss: float) -> None:
        self._mean = SMOOTHING * self._mean + (1 - SMOOTHING) * loss
        self.values.append(self._mean / (1 - SMOOTHING ** (len(self.values) + 1)))


def _read_off(sweep: Sweep, rule: str) -> float:
    smoothed = np.array(sweep.smoothed)
    if len(smoothed) < 10:
        raise TrainingError(
            f"the range test diverged after {len(smoothed)} steps; lower its start_lr"
        )
    return sweep.rates[RULES[rule](np.log(sweep.rates), smoothed)]


def _below(log_rates: Curve, index: int, *, factor: float) -> int:
    return int(np.argmin(np.abs(log_rates - (log_rates[index] - math.log(factor)))))


def _require_fall(smoothed: Curve) -> None:
    fall = 1 - smoothed.min() / smoothed[0]
    if fall < LEAST_FALL:
        raise TrainingError(
            f"the range test is flat: the loss fell by {fall:.1%}, expected {LEAST_FALL:.0%} or "
            "more; raise its end_lr, or look at the labels: they may not be in the images"
        )
