"""When a sweep of the range test has diverged: its loss is several times its lowest, by training.

A batch that is hard makes the loss several times the lowest, too, where a solved head leaves hardly
any. It is hard for the copy that is not trained as well, so that copy tells one from the other.
"""

import math
from collections.abc import Callable

DIVERGED = 4.0
"""A sweep ends when the exponential mean of its losses is this many times its lowest,"""
LEAST_RISE = 0.3
"""and that of their differences from the baseline's is so many nats above its lowest."""
MEMORY = 0.9
"""Weight of the past in these means, which lag and are therefore used for nothing else."""


def divergence() -> Callable[[float, float], bool]:
    """Return a function that takes the losses of each step and returns whether the sweep diverged.

    Its arguments are the loss of the copy that is trained and of the one that is not, in nats.
    """
    mean_loss, mean_rise = _mean(), _mean()
    lowest_loss = lowest_rise = math.inf

    def diverged(loss: float, baseline: float) -> bool:
        nonlocal lowest_loss, lowest_rise
        losses, rises = mean_loss(loss), mean_rise(loss - baseline)
        lowest_loss, lowest_rise = min(lowest_loss, losses), min(lowest_rise, rises)
        return losses > DIVERGED * lowest_loss and rises > lowest_rise + LEAST_RISE

    return diverged


def _mean() -> Callable[[float], float]:
    """Return a function that takes each value in turn and returns their exponential mean."""
    total, count = 0.0, 0

    def mean(value: float) -> float:
        nonlocal total, count
        total, count = MEMORY * total + (1 - MEMORY) * value, count + 1
        return total / (1 - MEMORY**count)

    return mean
