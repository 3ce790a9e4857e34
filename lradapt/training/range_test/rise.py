"""The rule `rise`: the rate that begins to harm the trained copy, beside the untrained one.

The other rules read the ratio of the two losses, which must fall. A head that is solved exactly on
the same images leaves little loss: then it cannot fall, and a ratio of two small losses says little
(docs/log.md). The difference of the losses has neither fault.
"""

import math
from collections.abc import Sequence

import numpy as np

from lradapt.errors import TrainingError
from lradapt.training.range_test.curve import Curve, Sweep, longest, smooth

RISE = "rise"
"""Name of the rule."""
HARM = 0.2
"""Rise of the smoothed loss above its lowest, in nats, at which the rate is read off."""
DECADES = 0.4
"""Standard deviation of the smoothing, in decades of the rate: batches of 16 images are noisy."""
MOST = 3.0
"""Nats; a larger rise counts as this one, else the end of a sweep would raise what is before."""


def read_rise(sweeps: Sequence[Sweep]) -> float:
    """Return the rate at which the mean loss has risen by `HARM`, between two rates of the sweeps.

    Args:
        sweeps: over the same rates, up to where each ended; at least one.

    Raises:
        TrainingError: it has not risen by so much at the last rate.
    """
    rates = longest(sweeps).rates
    log_rates, rises = np.log(rates), smoothed_rises(sweeps)
    harm = rises.min() + HARM
    last = int(np.flatnonzero(rises <= harm)[-1])
    if last == len(rises) - 1:
        raise TrainingError(
            f"the range test never diverged: at the last rate, {rates[-1]:.2g}, the loss is less "
            f"than {HARM:g} above its lowest; raise its end_lr"
        )
    share = (harm - rises[last]) / (rises[last + 1] - rises[last])
    return math.exp(log_rates[last] + share * (log_rates[last + 1] - log_rates[last]))


def smoothed_rises(sweeps: Sequence[Sweep]) -> Curve:
    """Return how far the trained copy's loss is above the other's at each rate, in nats.

    It is the mean of the sweeps; one that ended early keeps its last value.
    """
    rates = longest(sweeps).rates
    rises = [np.minimum(np.subtract(sweep.losses, sweep.baseline), MOST) for sweep in sweeps]
    padded = [np.pad(rise, (0, len(rates) - len(rise)), mode="edge") for rise in rises]
    return smooth(np.log(rates), np.mean(padded, axis=0), DECADES)
