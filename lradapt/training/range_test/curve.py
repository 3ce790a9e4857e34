"""The curve of a range test: loss against rate, smoothed; and the mean of several."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Curve = npt.NDArray[np.float64]
SMOOTHING_DECADES = 0.25
"""Standard deviation, in decades of the rate, of the Gaussian that smooths a curve."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One rising sweep; its tuples have equal lengths.

    Attributes:
        rates: of each step.
        losses: of the copy that is trained, on each step's batch, before the step.
        baseline: losses of the copy that is not trained, on the same batches.
        smoothed: the ratio of the loss to the baseline's, smoothed; see `smooth`.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    baseline: tuple[float, ...]
    smoothed: tuple[float, ...]


def make_sweep(rates: Sequence[float], losses: Sequence[float], baseline: Sequence[float]) -> Sweep:
    """Return a sweep with its smoothed curve.

    A batch that is hard is hard for both models, so their ratio shows the effect of training; a
    trained network's own loss hides it behind the differences between batches (docs/log.md).
    """
    smoothed = smooth(np.log(rates), log_ratios(losses, baseline))
    return Sweep(tuple(rates), tuple(losses), tuple(baseline), tuple(np.exp(smoothed).tolist()))


def log_ratios(losses: Sequence[float], baseline: Sequence[float]) -> Curve:
    """Return the logarithm of each loss over the baseline's on the same batch."""
    logs, baseline_logs = (np.log(np.maximum(values, 1e-6)) for values in (losses, baseline))
    ratios: Curve = logs - baseline_logs
    return ratios


def smooth(log_rates: Curve, values: Curve, decades: float = SMOOTHING_DECADES) -> Curve:
    """Return the mean of the values around each rate, weighted by a Gaussian.

    It looks to both sides, so it does not lag behind the rate as an exponential mean does.

    Args:
        log_rates: natural logarithms, `[N]`.
        values: at each rate, `[N]`.
        decades: standard deviation of the Gaussian, in decades of the rate.
    """
    distances_NN = (log_rates[:, None] - log_rates) / (decades * math.log(10))
    weights_NN = np.exp(-(distances_NN**2) / 2)
    smoothed: Curve = weights_NN @ values / weights_NN.sum(axis=1)
    return smoothed


def longest(sweeps: Sequence[Sweep]) -> Sweep:
    """Return the sweep that went furthest."""
    return max(sweeps, key=lambda sweep: len(sweep.rates))


def mean_sweep(sweeps: Sequence[Sweep]) -> Sweep:
    """Return the geometric mean of sweeps over the same rates; a short one keeps its last value."""
    rates = longest(sweeps).rates

    def mean(curves: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
        length = len(rates)
        padded = [np.pad(curve, (0, length - len(curve)), mode="edge") for curve in curves]
        logs = np.log(np.maximum(padded, 1e-6)).mean(axis=0)
        return tuple(np.exp(logs).tolist())

    return Sweep(
        rates,
        mean([sweep.losses for sweep in sweeps]),
        mean([sweep.baseline for sweep in sweeps]),
        mean([sweep.smoothed for sweep in sweeps]),
    )
