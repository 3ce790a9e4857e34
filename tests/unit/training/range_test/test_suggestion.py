import numpy as np
import pytest

from lradapt.errors import TrainingError
from lradapt.training.range_test.curve import Sweep, make_sweep
from lradapt.training.range_test.suggestion import suggest, suggest_or_given


def curve(losses, start=1e-4, end=1.0):
    rates = tuple(np.geomspace(start, end, len(losses)))
    return Sweep(rates, tuple(losses), (1.0,) * len(losses), tuple(losses))


def test_the_suggestion_is_the_mean_curves_with_the_interval_of_the_single_ones():
    falls = [
        curve([4, 4, 4, 4, 3, 2, 2, 2, 2, 2, 2, 2.0]),
        curve([4, 4, 4, 4, 4, 3, 2, 2, 2, 2, 2, 2]),
    ]
    falls.append(curve([4, 4, 4, 4, 4, 4, 3, 2, 2, 2, 2, 2.0]))
    found = suggest(falls, "steepest")
    assert found.lowest < found.rate < found.highest
    assert found.rate == falls[1].rates[5]


def test_a_flat_curve_is_refused_with_its_fall():
    with pytest.raises(TrainingError, match=r"flat: the loss fell by 0\.5%, expected 2%"):
        suggest([curve([2.0] * 11 + [1.99])], "steepest")


def test_a_sweep_that_diverges_at_once_is_refused():
    with pytest.raises(TrainingError, match="ended after 3 steps, expected 10 or more; lower its"):
        suggest([curve([2.0, 3.0, 9.0])], "steepest")


@pytest.mark.parametrize(("rule", "place"), [("minimum", 9), ("edge", 2)])
def test_a_rate_below_the_first_is_refused_and_never_the_first_in_its_place(rule, place):
    with pytest.raises(TrainingError, match=r"begins too high: .* lower its start_lr"):
        suggest([falling_to(place)], rule)


@pytest.mark.parametrize("rule", ["steepest", "valley", "slide", "minimum", "edge"])
def test_every_rule_refuses_a_flat_curve(rule):
    with pytest.raises(TrainingError, match="flat"):
        suggest([curve([2.0] * 12)], rule)


def falling_to(place):
    """A curve of 41 points, ten a decade, whose lowest is at `place`."""
    return curve(1 + np.abs(np.arange(41.0) - place) / 10)


def test_sweeps_that_do_not_agree_are_refused_with_their_interval():
    message = r"2 sweeps suggest 0\.001 to 0\.1, with quartiles 0\.0032 and 0\.032, expected .* 3 "
    with pytest.raises(TrainingError, match=message):
        suggest([falling_to(20), falling_to(40)], "minimum")


def test_one_sweep_that_strays_does_not_spoil_the_others():
    found = suggest([falling_to(place) for place in (12, 29, 30, 30, 31)], "minimum")
    assert found.rate == pytest.approx(0.01)
    assert (found.lowest, found.highest) == pytest.approx((1e-4 * 10**0.2, 0.01 * 10**0.1))


def test_one_sweep_that_is_refused_does_not_spoil_the_others():
    rising = curve(np.linspace(1, 50, 41))
    found = suggest([falling_to(30), rising, falling_to(30)], "minimum")
    assert found.rate == found.lowest == found.highest == pytest.approx(0.01)


def test_half_of_the_sweeps_refused_are_too_many():
    with pytest.raises(TrainingError, match=r"1 of 2 sweeps refused: the range test is flat"):
        suggest([falling_to(30), curve([2.0] * 41)], "minimum")


def test_losses_that_stray_by_more_than_the_curve_falls_are_refused():
    rates = np.geomspace(1e-4, 1.0, 40)
    noise = np.where(np.arange(40) % 2, 1.5, 1 / 1.5)
    sweep = make_sweep(rates, np.linspace(1, 0.9, 40) * noise, np.ones(40))
    with pytest.raises(TrainingError, match=r"noisy: the loss strays by \d+\.\d% .* fall, \d+"):
        suggest([sweep], "minimum")


def test_a_refused_range_test_gives_way_to_the_given_rate_and_says_why(caplog):
    flat = curve([2.0] * 11 + [1.99])
    found = suggest_or_given([flat], "minimum", 0.01, strict=False)
    assert (found.rate, found.lowest, found.highest) == (0.01, 0.01, 0.01)
    assert "flat" in found.refusal
    assert "the given rate, 0.01, is used instead" in caplog.text
    with pytest.raises(TrainingError, match="flat"):
        suggest_or_given([flat], "minimum", 0.01, strict=True)


def test_what_a_range_test_shows_goes_before_the_given_rate():
    falls = curve([4.0, 4, 4, 3, 2, 1, 1, 1, 1, 1, 1, 5])
    found = suggest_or_given([falls], "minimum", 99.0, strict=False)
    assert found == suggest([falls], "minimum")
    assert found.refusal == ""
