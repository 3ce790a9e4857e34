import numpy as np
import pytest

from lradapt.errors import TrainingError
from lradapt.training.range_test.curve import make_sweep
from lradapt.training.range_test.rise import DECADES, HARM, read_rise, smoothed_rises
from lradapt.training.range_test.suggestion import suggest


def rising_from(place, *, baseline=0.3, fall=0.0, num_steps=51):
    """A sweep over five decades; from `place` on the loss doubles its rise with each step."""
    steps = np.arange(num_steps)
    rises = np.where(steps < place, -fall, 0.01 * 2.0 ** np.clip(steps - place, 0, 20))
    untrained = np.full(num_steps, baseline)
    return make_sweep(np.geomspace(1e-7, 1e-2, num_steps), untrained + rises, untrained)


def test_a_curve_that_cannot_fall_has_a_rate_all_the_same():
    flat = rising_from(30)
    with pytest.raises(TrainingError, match="flat"):
        suggest([flat], "edge")
    # The loss is 0.16 above after step 34; the smoothing spreads a rise to lower rates.
    rate = suggest([flat], "rise").rate
    assert 1e-7 * 10 ** (34 / 10 - 2 * DECADES) < rate < 1e-7 * 10 ** (35 / 10)


def test_the_rate_is_no_lower_where_hardly_any_loss_is_left():
    assert read_rise([rising_from(30, baseline=0.01)]) == pytest.approx(
        read_rise([rising_from(30, baseline=2.0)])
    )


def test_the_rate_lies_between_two_rates_of_the_sweep():
    sweep = rising_from(12, num_steps=21)
    rate = read_rise([sweep])
    assert min(abs(np.log(rate / each)) for each in sweep.rates) > 0.01


def test_what_comes_after_the_divergence_moves_the_rate_little():
    sweep = rising_from(30)
    higher = make_sweep(
        sweep.rates, np.where(np.array(sweep.losses) > 4, 1e6, sweep.losses), sweep.baseline
    )
    assert read_rise([higher]) == pytest.approx(read_rise([sweep]))


def test_a_loss_that_never_rises_is_refused():
    with pytest.raises(TrainingError, match=f"never diverged.*less than {HARM:g} above"):
        suggest([rising_from(60)], "rise")


def test_a_rate_is_read_where_the_smoothed_difference_is_a_fifth_of_a_nat_above_its_lowest():
    decades = np.linspace(0, 5, 501)
    rises = np.maximum(0, (decades - 2) / 2)  # half a nat a decade from 1e-5 on
    untrained = np.full(501, 0.3)
    rate = read_rise([make_sweep(1e-7 * 10**decades, untrained + rises, untrained)])
    assert rate == pytest.approx(
        1e-5 * 10 ** (HARM / 0.5), rel=0.1
    )  # the smoothing rounds the bend


def test_a_rise_is_smoothed_over_four_tenths_of_a_decade():
    rates, untrained = np.geomspace(1e-6, 1e-2, 41), np.full(41, 0.3)
    spike = np.where(np.arange(41) == 20, 1.0, 0.0)
    smoothed = smoothed_rises([make_sweep(rates, untrained + spike, untrained)])
    assert smoothed[16] / smoothed[20] == pytest.approx(np.exp(-1 / 2), rel=0.01)


def test_a_sweep_that_ended_early_keeps_its_last_difference():
    whole = rising_from(30)
    short = make_sweep(*(part[:36] for part in (whole.rates, whole.losses, whole.baseline)))
    kept = make_sweep(
        whole.rates, [*short.losses, *[short.losses[-1]] * 15], [0.3] * len(whole.rates)
    )
    assert read_rise([whole, short]) == pytest.approx(read_rise([whole, kept]))


def test_losses_near_zero_do_not_hide_a_harm():
    # By the geometric mean of 1e-6 and 2, the first sweep's rise would count for nothing.
    rates, none = np.geomspace(1e-7, 1e-2, 51), np.zeros(51)
    first, second = (
        make_sweep(rates, np.where(np.arange(51) < place, 0.0, 2.0), none) for place in (30, 35)
    )
    assert suggest([first, second], "rise").rate < 1.6 * suggest([first], "rise").rate


def test_several_sweeps_are_read_together():
    found = suggest([rising_from(28), rising_from(30), rising_from(32)], "rise")
    assert found.lowest < found.rate < found.highest
