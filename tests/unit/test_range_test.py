import math

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.batches import training_batches
from lradapt.errors import TrainingError
from lradapt.head import HEAD, new_head
from lradapt.param_groups import build_param_groups
from lradapt.range_test import Sweep, edge, measure, minimum, steepest, suggest
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
    return Sweep(rates, tuple(losses), tuple(losses))


def test_rates_rise_in_equal_ratios(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine, end_lr=0.01, num_steps=30)
    assert len(sweep.rates) == len(sweep.losses) == len(sweep.smoothed) == 30
    assert sweep.rates == pytest.approx(np.geomspace(1e-5, 0.01, 30))


def test_model_and_random_state_are_bit_for_bit_as_before(blobs, engine):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 3)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run(model, blobs(300), engine)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_diverging_sweep_ends_early(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=1e4)
    assert len(sweep.rates) < 60
    assert all(math.isfinite(loss) for loss in sweep.losses)


def test_smoothing_is_an_exponential_mean_corrected_for_its_start(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine, end_lr=0.01, num_steps=30)
    mean, expected = 0.0, []
    for number, loss in enumerate(sweep.losses, start=1):
        mean = 0.9 * mean + 0.1 * loss
        expected.append(mean / (1 - 0.9**number))
    assert sweep.smoothed == pytest.approx(expected)


def test_steepest_is_where_the_loss_falls_fastest_per_decade():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 9))
    assert steepest(log_rates, np.array([4, 4, 3.9, 3.5, 2.5, 1.5, 1.2, 1.1, 9])) == 4


def test_steepest_does_not_look_beyond_the_minimum():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 7))
    assert steepest(log_rates, np.array([3, 2.5, 2, 1, 9, 20, 2])) < 4


def test_minimum_is_a_decade_below_the_lowest_loss():
    log_rates = np.log(np.geomspace(1e-4, 1.0, 5))
    assert minimum(log_rates, np.array([4.0, 3, 2, 1, 5])) == 2


def test_edge_is_a_third_of_the_last_rate_near_the_lowest_loss():
    log_rates = np.log(np.geomspace(1e-4, 3e-2, 6))  # each rate is 3.13 times the former
    assert edge(log_rates, np.array([1.0, 1.05, 0.99, 1.0, 1.2, 3.0])) == 2


def test_edge_refuses_a_curve_that_never_rises():
    with pytest.raises(TrainingError, match=r"never diverged: .* last rate, 1; raise its end_lr"):
        edge(np.log(np.geomspace(1e-4, 1.0, 5)), np.array([2.0, 1.5, 1.2, 1.0, 1.05]))


def test_the_suggestion_is_the_median_with_its_interval():
    falls = [
        curve([4, 4, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2.0]),
        curve([4, 4, 4, 4, 4, 3, 2, 2, 2, 2, 2, 2]),
    ]
    falls.append(curve([4, 4, 4, 4, 4, 4, 4, 3, 2, 2, 2, 2.0]))
    found = suggest(falls, "steepest")
    assert found.lowest < found.rate < found.highest
    assert found.rate == falls[1].rates[5]


def test_a_flat_curve_is_refused_with_its_fall():
    with pytest.raises(TrainingError, match=r"flat: the loss fell by 0\.5%, expected 2%"):
        suggest([curve([2.0] * 11 + [1.99])], "steepest")


def test_a_sweep_that_diverges_at_once_is_refused():
    with pytest.raises(TrainingError, match="diverged after 3 steps; lower its start_lr"):
        suggest([curve([2.0, 3.0, 9.0])], "steepest")
