import math

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.batches import ActivationExamples, training_batches
from lradapt.errors import TrainingError
from lradapt.head import HEAD, new_head
from lradapt.param_groups import build_param_groups
from lradapt.range_test import (
    Sweep,
    edge,
    make_sweep,
    mean_sweep,
    measure,
    minimum,
    slide,
    smooth,
    steepest,
    suggest,
    suggest_or_given,
    valley,
)
from lradapt.train import sgd


def run(model, examples, engine, *, end_lr=100.0, num_steps=60, seed=0):
    def optimizer(trial):
        return sgd(build_param_groups(trial, HEAD, [end_lr]), momentum=0.9, l2=0.0)

    return measure(
        model,
        training_batches(examples, batch_size=32, seed=seed),
        optimizer,
        engine,
        start_lr=1e-5,
        end_lr=end_lr,
        num_steps=num_steps,
    )


def curve(losses, start=1e-4, end=1.0):
    rates = tuple(np.geomspace(start, end, len(losses)))
    return Sweep(rates, tuple(losses), (1.0,) * len(losses), tuple(losses))


def test_rates_rise_in_equal_ratios(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine, end_lr=0.01, num_steps=30)
    lengths = [len(part) for part in (sweep.losses, sweep.untouched, sweep.smoothed)]
    assert lengths == [30, 30, 30]
    assert sweep.rates == pytest.approx(np.geomspace(1e-5, 0.01, 30))


def test_model_and_random_state_are_bit_for_bit_as_before(blobs, engine):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 3)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    random_state = torch.get_rng_state()
    run(model, blobs(300), engine)
    assert model.training
    assert torch.equal(torch.get_rng_state(), random_state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_diverging_sweep_ends_early(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=1e4)
    assert len(sweep.rates) < 60
    assert all(math.isfinite(loss) for loss in sweep.losses)


def test_a_rate_of_nothing_leaves_the_ratio_at_one_however_the_batches_differ(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=2e-5, num_steps=30)
    assert max(sweep.losses) > 1.2 * min(sweep.losses)
    assert sweep.smoothed == pytest.approx([1.0] * 30, rel=0.01)


def test_the_first_loss_of_a_sweep_is_the_untouched_models(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine)
    assert sweep.losses[0] == sweep.untouched[0]
    assert sweep.losses[20] < sweep.untouched[20]


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
    with pytest.raises(TrainingError, match="diverged after 3 steps; lower its start_lr"):
        suggest([curve([2.0, 3.0, 9.0])], "steepest")


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


def test_the_mean_sweep_is_geometric_and_one_that_ended_early_stays_at_its_last():
    short = Sweep((0.1, 0.2), (4.0, 9.0), (1.0, 4.0), (2.0, 8.0))
    long = Sweep((0.1, 0.2, 0.4), (1.0, 1.0, 4.0), (1.0, 1.0, 1.0), (2.0, 2.0, 2.0))
    mean = mean_sweep([short, long])
    assert mean.rates == (0.1, 0.2, 0.4)
    assert mean.losses == pytest.approx((2.0, 3.0, 6.0))
    assert mean.untouched == pytest.approx((1.0, 2.0, 2.0))
    assert mean.smoothed == pytest.approx((2.0, 4.0, 4.0))


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


def test_labels_that_are_not_in_the_inputs_are_refused(blobs, engine):
    examples = blobs(300)
    mixed = torch.randperm(300, generator=torch.Generator().manual_seed(0))
    untrained = new_head(8, 3, seed=0)
    with torch.no_grad():
        untrained.weight.zero_()  # knows as little as can be learnt
        untrained.bias.zero_()
    shuffled = ActivationExamples(examples.activations, examples.labels[mixed])
    with pytest.raises(TrainingError, match=r"the range test is (flat|noisy)"):
        suggest([run(untrained, shuffled, engine)], "minimum")


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
