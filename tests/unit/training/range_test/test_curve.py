import math

import numpy as np
import pytest

from lradapt.training.range_test.curve import Sweep, mean_sweep, smooth


def test_smoothing_weighs_by_a_gaussian_of_a_quarter_decade():
    log_rates = np.log(np.geomspace(1e-4, 1e-2, 9))  # a quarter of a decade apart
    spike = np.array([0.0, 0, 0, 0, 1, 0, 0, 0, 0])
    smoothed = smooth(log_rates, spike)
    assert smoothed[3] / smoothed[4] == pytest.approx(math.exp(-1 / 2), rel=0.01)
    assert smoothed.argmax() == 4


def test_smoothing_does_not_lag():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 41))
    smoothed = smooth(log_rates, np.abs(np.arange(41) - 20.0))
    assert smoothed.argmin() == 20
    assert smoothed == pytest.approx(smoothed[::-1])


def test_the_mean_sweep_is_geometric_and_one_that_ended_early_stays_at_its_last():
    short = Sweep((0.1, 0.2), (4.0, 9.0), (1.0, 4.0), (2.0, 8.0))
    long = Sweep((0.1, 0.2, 0.4), (1.0, 1.0, 4.0), (1.0, 1.0, 1.0), (2.0, 2.0, 2.0))
    mean = mean_sweep([short, long])
    assert mean.rates == (0.1, 0.2, 0.4)
    assert mean.losses == pytest.approx((2.0, 3.0, 6.0))
    assert mean.baseline == pytest.approx((1.0, 2.0, 2.0))
    assert mean.smoothed == pytest.approx((2.0, 4.0, 4.0))
