"""LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2): measure, then suggest.

Measuring trains a copy of the model for a few steps at rates that rise in equal ratios. Suggesting
reads one point off the mean of the smoothed curves. Drawing is `lradapt.plots`.
"""

import copy
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, tee

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from lradapt.batches import Batch
from lradapt.engine import Engine
from lradapt.errors import TrainingError
from lradapt.imbalance import Loss
from lradapt.schedules import geometric
from lradapt.train import train_steps

log = logging.getLogger(__name__)

Curve = npt.NDArray[np.float64]

DIVERGED = 4.0
"""A sweep ends when the exponential mean of its losses is this many times its lowest."""
MEMORY = 0.9
"""Weight of the past in that mean, which lags and is therefore used for nothing else."""
SMOOTHING_DECADES = 0.25
"""Standard deviation, in decades of the rate, of the Gaussian that smooths a curve."""
NEAR_LOWEST = 1.1
"""Up to this many times its lowest, a smoothed loss counts as near it."""
LEAST_FALL = 0.02
"""A curve whose smoothed loss falls by less than this share of its start shows nothing."""
CALM = 0.005
"""Slopes, in loss per point, that differ by no more are nearly the same (fastai's threshold)."""
MOST_SPREAD = 3.0
"""Sweeps whose suggestions' quartiles are further apart than this factor do not say the same."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One rising sweep; its tuples have equal lengths.

    Attributes:
        rates: those tried.
        losses: of the copy that is trained, on each rate's batch, before its step.
        untouched: of the model as it was, on the same batches.
        smoothed: the loss in shares of the untouched model's, smoothed; see `smooth`.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    untouched: tuple[float, ...]
    smoothed: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The rate that several sweeps suggest together, and the lowest and highest of one alone.

    Attributes:
        refusal: why the sweeps suggest nothing, where the rate is a given one instead.
    """

    rate: float
    lowest: float
    highest: float
    refusal: str = ""


def given(rate: float, refusal: str = "") -> Suggestion:
    """A rate that somebody has chosen, as it stands for what sweeps would suggest."""
    return Suggestion(rate, rate, rate, refusal)


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
    trial, as_it_was = copy.deepcopy(model), copy.deepcopy(model)
    schedule = geometric(start=start_lr, end=end_lr, num_steps=num_steps)
    ours, theirs = tee(islice(batches, num_steps))
    steps = train_steps(trial, ours, make_optimizer(trial), schedule, engine, loss=loss)
    rates, losses, untouched, diverged = [], [], [], _divergence()
    with torch.random.fork_rng():  # a model may hold dropout
        for step, batch in zip(steps, theirs, strict=False):
            if not math.isfinite(step.loss):
                break
            rates.append(step.rates[-1])
            losses.append(step.loss)
            untouched.append(_loss_of(as_it_was, batch, engine, loss))
            if diverged(step.loss):
                break
    return make_sweep(rates, losses, untouched)


def make_sweep(
    rates: Sequence[float], losses: Sequence[float], untouched: Sequence[float]
) -> Sweep:
    """A sweep with its smoothed curve.

    A batch that is hard is hard for both models, so their ratio shows what training has done; a
    trained network's own loss hides that behind the differences between batches (docs/log.md).
    """
    smoothed = smooth(np.log(rates), _log_ratios(losses, untouched))
    return Sweep(tuple(rates), tuple(losses), tuple(untouched), tuple(np.exp(smoothed).tolist()))


def smooth(log_rates: Curve, values: Curve) -> Curve:
    """The mean of the values round each rate, weighted by a Gaussian.

    It looks to both sides, so it does not lag behind the rate as an exponential mean does.
    """
    distances_NN = (log_rates[:, None] - log_rates) / (SMOOTHING_DECADES * math.log(10))
    weights_NN = np.exp(-(distances_NN**2) / 2)
    smoothed: Curve = weights_NN @ values / weights_NN.sum(axis=1)
    return smoothed


def suggest(sweeps: Sequence[Sweep], rule: str) -> Suggestion:
    """What the rule suggests for the mean of the curves; the interval is of the single ones.

    On a few sweeps of an unfrozen network the mean curve's rate spreads less from seed to seed than
    the median of the single rates (docs/log.md).

    Args:
        sweeps: of the same test with other seeds.
        rule: a name in `RULES`.

    Raises:
        TrainingError: half of the curves or more show nothing from which a rate could be read, or
            those that do show something do not agree.
    """
    clear, rates, refusals = [], [], []
    for sweep in sweeps:
        try:
            rates.append(_read_off(sweep, rule))
            clear.append(sweep)
        except TrainingError as refusal:
            refusals.append(refusal)
    if len(refusals) >= len(rates):
        raise TrainingError(f"{len(refusals)} of {len(sweeps)} sweeps refused: {refusals[0]}")
    _require_agreement(rates)
    return Suggestion(_read_off(mean_sweep(clear), rule), min(rates), max(rates))


def suggest_or_given(
    sweeps: Sequence[Sweep], rule: str, rate: float, *, strict: bool
) -> Suggestion:
    """What `suggest` says; where it refuses, the given rate with the reason, said loudly.

    Raises:
        TrainingError: it refuses, and `strict` is set.
    """
    try:
        return suggest(sweeps, rule)
    except TrainingError as refusal:
        if strict:
            raise
        log.warning("%s; the given rate, %g, is used instead", refusal, rate)
        return given(rate, str(refusal))


def mean_sweep(sweeps: Sequence[Sweep]) -> Sweep:
    """The geometric mean of sweeps over the same rates; one that ended early stays at its last."""
    longest = max(sweeps, key=lambda sweep: len(sweep.rates))

    def mean(curves: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
        length = len(longest.rates)
        padded = [np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves]
        logs = np.log(np.maximum(padded, 1e-6)).mean(axis=0)
        return tuple(np.exp(logs).tolist())

    return Sweep(
        longest.rates,
        mean([sweep.losses for sweep in sweeps]),
        mean([sweep.untouched for sweep in sweeps]),
        mean([sweep.smoothed for sweep in sweeps]),
    )


def steepest(log_rates: Curve, smoothed: Curve) -> int:
    """The point of steepest fall per logarithm of the rate, before the minimum."""
    slope = np.gradient(smoothed, log_rates)
    return int(np.argmin(slope[: int(np.argmin(smoothed)) + 1]))


def valley(log_rates: Curve, smoothed: Curve) -> int:
    """The middle of the longest stretch over which the loss falls from point to point."""
    rises = np.flatnonzero(np.diff(smoothed) >= 0)
    ends = np.concatenate([[-1], rises, [len(smoothed) - 1]])
    longest = int(np.argmax(np.diff(ends)))
    return int(ends[longest] + 1 + ends[longest + 1]) // 2


def slide(log_rates: Curve, smoothed: Curve) -> int:
    """The left edge of a window that slides down from the highest rate to the first calm place.

    Calm is where the slope, per point, is nearly the same at both edges.
    """
    width = max(1, round(0.15 * len(smoothed)))
    slope = np.gradient(smoothed)
    calm = np.flatnonzero(np.abs(slope[width:] - slope[:-width]) <= CALM)
    steep_from = calm[-1] + 1 if len(calm) else 0
    return int(min(steep_from, len(smoothed) - width - 1))


def minimum(log_rates: Curve, smoothed: Curve) -> int:
    """The point a factor of ten below the minimum (fast.ai, 2017)."""
    return _below(log_rates, int(np.argmin(smoothed)), factor=10)


def edge(log_rates: Curve, smoothed: Curve) -> int:
    """The point a factor of three below the last rate at which the loss is still near its lowest.

    Steadier than the lowest point itself, which wanders over a flat bottom (docs/log.md).
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
    "valley": valley,
    "slide": slide,
    "minimum": minimum,
    "edge": edge,
}


def _divergence() -> Callable[[float], bool]:
    """A function of each loss in turn: whether the sweep has diverged by it."""
    mean, count, lowest = 0.0, 0, math.inf

    def diverged(loss: float) -> bool:
        nonlocal mean, count, lowest
        mean, count = MEMORY * mean + (1 - MEMORY) * loss, count + 1
        corrected = mean / (1 - MEMORY**count)
        lowest = min(lowest, corrected)
        return corrected > DIVERGED * lowest

    return diverged


def _loss_of(model: nn.Module, batch: Batch, engine: Engine, loss: Loss) -> float:
    inputs, labels = batch
    with torch.no_grad(), engine.autocast():
        return loss(model(inputs), labels).item()


def _log_ratios(losses: Sequence[float], untouched: Sequence[float]) -> Curve:
    logs, of_untouched = (np.log(np.maximum(values, 1e-6)) for values in (losses, untouched))
    ratios: Curve = logs - of_untouched
    return ratios


def _read_off(sweep: Sweep, rule: str) -> float:
    smoothed = np.array(sweep.smoothed)
    if len(smoothed) < 10:
        raise TrainingError(
            f"the range test diverged after {len(smoothed)} steps; lower its start_lr"
        )
    _require_fall(smoothed)
    _require_signal(_log_ratios(sweep.losses, sweep.untouched), np.log(smoothed))
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


def _require_signal(ratios: Curve, smoothed: Curve) -> None:
    lowest = int(np.argmin(smoothed))
    fall, noise = smoothed[0] - smoothed[lowest], float(np.std((ratios - smoothed)[: lowest + 1]))
    if noise > fall:
        raise TrainingError(
            f"the range test is noisy: the loss strays by {noise:.1%} from its smoothed curve, "
            f"expected less than that curve's fall, {fall:.1%}; raise the batch_size, or its end_lr"
        )


def _require_agreement(rates: Sequence[float]) -> None:
    low, high = np.exp(np.quantile(np.log(rates), [0.25, 0.75]))
    if high > MOST_SPREAD * low:
        raise TrainingError(
            f"the range test is noisy: its {len(rates)} sweeps suggest {min(rates):.2g} to "
            f"{max(rates):.2g}, with quartiles {low:.2g} and {high:.2g}, expected a factor of "
            f"{MOST_SPREAD:g} or less between these; raise its num_steps, or the batch_size"
        )
