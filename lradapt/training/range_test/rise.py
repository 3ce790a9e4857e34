"""The rule `rise`: half the rate that does the trained copy harm, beside the untrained one.

The other rules read the ratio of the two losses, which must fall. A head that is solved exactly on
the same images leaves little loss: then it cannot fall, and a ratio of two small losses says little
(docs/log.md). The difference of the losses has neither fault.
"""

import math

import numpy as np

from lradapt.errors import TrainingError
from lradapt.training.range_test.curve import Curve, Sweep, smooth

RISE = "rise"
"""Name of the rule."""
HARM = 0.1
"""Rise of the smoothed loss above its lowest, in nats, at which a rate is too high."""
FACTOR = 2.0
"""How far below that rate the suggestion is."""
MOST = 1.0
"""Nats; a larger rise counts as this one, else the end of a sweep would raise what is before."""


def read_rise(sweep: Sweep) -> float:
    """Return half the rate at which the loss has risen by `HARM`, between two rates of the sweep.

    Raises:
        TrainingError: it has not risen by so much at the last rate.
    """
    log_rates, rises = np.log(sweep.rates), smoothed_rises(sweep)
    harm = rises.min() + HARM
    last = int(np.flatnonzero(rises <= harm)[-1])
    if last == len(rises) - 1:
        raise TrainingError(
            "the range test never diverged: at the last rate, "
            f"{sweep.rates[-1]:.2g}, the loss is less than {HARM:g} above its lowest; raise its "
            "end_lr"
        )
    share = (harm - rises[last]) / (rises[last + 1] - rises[last])
    return math.exp(log_rates[last] + share * (log_rates[last + 1] - log_rates[last])) / FACTOR


def smoothed_rises(sweep: Sweep) -> Curve:
    """Return how far the trained copy's loss is above the other's at each rate, in nats."""
    rises = np.array(sweep.losses) - np.array(sweep.baseline)
    return smooth(np.log(sweep.rates), np.minimum(rises, MOST))
