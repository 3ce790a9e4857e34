"""The rules of a range test: each picks one point of a smoothed curve.

A rule takes the logarithms of the rates and the smoothed losses, and returns the point's index.
"""

import math
from collections.abc import Callable

import numpy as np

from lradapt.errors import TrainingError
from lradapt.training.range_test.curve import Curve

NEAR_LOWEST = 1.1
"""Up to this many times its lowest, a smoothed loss counts as near it."""
CALM = 0.005
"""Slopes, in loss per point, that differ by no more are nearly the same (fastai's threshold)."""


def steepest(log_rates: Curve, smoothed: Curve) -> int:
    """Return the point of steepest fall per logarithm of the rate, before the minimum."""
    slope = np.gradient(smoothed, log_rates)
    return int(np.argmin(slope[: int(np.argmin(smoothed)) + 1]))


def valley(log_rates: Curve, smoothed: Curve) -> int:
    """Return the middle of the longest stretch over which the loss falls from point to point."""
    rises = np.flatnonzero(np.diff(smoothed) >= 0)
    ends = np.concatenate([[-1], rises, [len(smoothed) - 1]])
    longest = int(np.argmax(np.diff(ends)))
    return int(ends[longest] + 1 + ends[longest + 1]) // 2


def slide(log_rates: Curve, smoothed: Curve) -> int:
    """Return the left edge of a window that slides from the highest rate to the first calm place.

    Calm is where the slope, per point, is nearly the same at both edges.
    """
    width = max(1, round(0.15 * len(smoothed)))
    slope = np.gradient(smoothed)
    calm = np.flatnonzero(np.abs(slope[width:] - slope[:-width]) <= CALM)
    steep_from = calm[-1] + 1 if len(calm) else 0
    return int(min(steep_from, len(smoothed) - width - 1))


def minimum(log_rates: Curve, smoothed: Curve) -> int:
    """Return the point a factor of ten below the minimum (fast.ai, 2017)."""
    return _below(log_rates, int(np.argmin(smoothed)), factor=10)


def edge(log_rates: Curve, smoothed: Curve) -> int:
    """Return the point a factor of 3 below the last rate whose loss is still near the lowest.

    Steadier than the lowest point itself, which wanders over a flat bottom (docs/log.md).
    """
    near = np.flatnonzero(smoothed <= NEAR_LOWEST * smoothed.min())
    if near[-1] == len(smoothed) - 1:
        raise TrainingError(
            "the range test never diverged: the loss is still near its lowest at the last rate, "
            f"{math.exp(log_rates[-1]):.2g}; raise its end_lr"
        )
    return _below(log_rates, int(near[-1]), factor=3)


def _below(log_rates: Curve, index: int, *, factor: float) -> int:
    """Return the point nearest to the rate of `index` over `factor`.

    Raises:
        TrainingError: that rate is below the first one by more than half a step.
    """
    wanted = log_rates[index] - math.log(factor)
    if wanted < log_rates[0] - (log_rates[1] - log_rates[0]) / 2:
        raise TrainingError(
            f"the range test begins too high: the suggested rate, {math.exp(wanted):.2g}, is below "
            f"its first, {math.exp(log_rates[0]):.2g}; lower its start_lr"
        )
    return int(np.argmin(np.abs(log_rates - wanted)))


RULES: dict[str, Callable[[Curve, Curve], int]] = {
    "steepest": steepest,
    "valley": valley,
    "slide": slide,
    "minimum": minimum,
    "edge": edge,
}
