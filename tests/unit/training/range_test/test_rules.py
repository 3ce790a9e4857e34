import numpy as np
import pytest

from lradapt.errors import TrainingError
from lradapt.training.range_test.rules import edge, minimum, slide, steepest, valley


def test_steepest_is_where_the_loss_falls_fastest_per_decade():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 9))
    assert steepest(log_rates, np.array([4, 4, 3.9, 3.5, 2.5, 1.5, 1.2, 1.1, 9])) == 4


def test_steepest_does_not_look_beyond_the_minimum():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 7))
    assert steepest(log_rates, np.array([3, 2.5, 2, 1, 9, 20, 2])) < 4


def test_minimum_is_a_decade_below_the_lowest_loss():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 5))
    assert minimum(log_rates, np.array([4.0, 3, 2, 1, 5])) == 2


def test_valley_is_the_middle_of_the_longest_fall():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 10))
    assert valley(log_rates, np.array([5.0, 4, 4.5, 4, 3, 2.5, 2, 3, 2.9, 9])) == 4


def test_valley_of_a_curve_that_falls_to_its_end_is_its_middle():
    assert valley(np.log(np.geomspace(1e-4, 1.0, 5)), np.array([5.0, 4, 3, 2, 1])) == 2


def test_slide_stops_at_the_first_calm_place_from_the_right():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 10))  # the window is 2 points wide
    assert slide(log_rates, np.array([5.0, 5, 4, 3, 2, 1, 1, 1, 3, 9])) == 3


def test_slide_that_is_calm_at_once_stays_at_the_right():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 10))
    assert slide(log_rates, np.linspace(5, 1, 10)) == 7


def test_slide_over_a_curve_without_a_calm_place_goes_to_its_start():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 6))  # the window is 1 point wide
    assert slide(log_rates, np.array([9.0, 8, 6, 3, -1, -6])) == 0


def test_edge_is_a_third_of_the_last_rate_near_the_lowest_loss():
    log_rates = np.log([0.01, 0.02, 0.033, 0.1, 0.2, 0.5])
    assert edge(log_rates, np.array([1.0, 1.05, 0.99, 1.08, 1.2, 3.0])) == 2


def test_edge_refuses_a_curve_that_never_rises():
    with pytest.raises(TrainingError, match=r"never diverged: .* last rate, 1; raise its end_lr"):
        edge(np.log(np.geomspace(1e-4, 1.0, 5)), np.array([2.0, 1.5, 1.2, 1.0, 1.05]))
