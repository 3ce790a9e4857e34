import copy

import pytest
import torch
from torch import nn

from lradapt.errors import LayersError, TrainingError
from lradapt.own_loop.rates import range_test
from lradapt.training.head import HEAD, new_head
from lradapt.training.inputs.batches import training_batches
from lradapt.training.loop import sgd
from lradapt.training.param_groups import build_param_groups
from lradapt.training.range_test.curve import mean_sweep
from lradapt.training.range_test.suggestion import suggest
from lradapt.training.range_test.sweeps import measure


@pytest.fixture
def batches(blobs):
    """Ten batches of 32, as a list."""
    shuffled = training_batches(blobs(320), batch_size=32, seed=0)
    return [next(shuffled) for _ in range(10)]


def optimizer_of(model, lr=1.0):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def test_it_measures_what_the_stages_measure(batches, engine):
    head = new_head(8, 3, seed=0)
    found = range_test(head, batches * 6, optimizer_of(head), end_lr=100.0, num_steps=60)
    (sweep,) = found.sweeps
    assert sweep == measure(
        head,
        iter(batches * 6),
        lambda trial: sgd(build_param_groups(trial, HEAD, [100.0]), momentum=0.9, l2=0.0),
        engine,
        start_lr=1e-5,
        end_lr=100.0,
        num_steps=60,
    )
    assert found.suggestion == suggest([sweep], "edge")
    assert sweep.losses[30] < sweep.untouched[30]


def test_model_optimiser_and_random_state_are_as_before(batches):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 3)).train()
    optimizer = optimizer_of(model, lr=0.25)
    nn.functional.cross_entropy(model(batches[0][0]), batches[0][1]).backward()
    optimizer.step()
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict(), torch.get_rng_state()))
    range_test(model, batches, optimizer, num_steps=20)
    after = model.state_dict(), optimizer.state_dict(), torch.get_rng_state()
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert "max_lr" not in optimizer.param_groups[0]
    assert model.training


def test_batches_are_gone_through_again_and_sweeps_go_on_with_further_ones(batches):
    head = new_head(8, 3, seed=0)
    first, second = range_test(
        head, batches, optimizer_of(head), end_lr=0.01, num_steps=15, num_sweeps=2
    ).sweeps
    assert first.untouched[:5] == first.untouched[10:]
    assert second.untouched[:5] == first.untouched[5:10]


def test_the_groups_keep_their_ratio_to_the_last_one(batches):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    groups = [
        {"params": model[0].parameters(), "lr": 0.02},
        {"params": model[1].parameters(), "lr": 0.2},
    ]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    found = range_test(model, batches, optimizer, end_lr=100.0)
    assert found.shares == pytest.approx((0.1, 1.0))
    assert found.curve == mean_sweep(found.sweeps)
    found.apply_to(optimizer)
    first, last = (group["lr"] for group in optimizer.param_groups)
    assert last == found.suggestion.rate
    assert first == pytest.approx(last / 10)


def test_the_rule_that_is_named_reads_the_rate_off(batches):
    head = new_head(8, 3, seed=0)
    found = range_test(head, batches, optimizer_of(head), end_lr=100.0, rule="steepest")
    assert found.suggestion == suggest(found.sweeps, "steepest")
    assert found.suggestion != suggest(found.sweeps, "edge")


def test_a_curve_that_shows_nothing_is_there_and_suggests_nothing(batches):
    head = new_head(8, 3, seed=0)
    found = range_test(head, batches, optimizer_of(head), end_lr=2e-5, num_steps=20)
    assert len(found.curve.rates) == 20
    with pytest.raises(TrainingError, match="the range test is flat"):
        _ = found.suggestion


@pytest.mark.parametrize("batches_", [[], iter([])])
def test_no_batches_are_refused(batches_):
    head = new_head(8, 3, seed=0)
    with pytest.raises(TrainingError, match="there are no batches, or no more of them"):
        range_test(head, batches_, optimizer_of(head))


def test_batches_that_cannot_be_gone_through_again_are_refused(batches):
    head = new_head(8, 3, seed=0)
    with pytest.raises(TrainingError, match="such as a DataLoader or a list"):
        range_test(head, iter(batches), optimizer_of(head), end_lr=0.01, num_steps=11)


def test_an_optimiser_of_another_model_is_refused(batches):
    head, other = new_head(8, 3, seed=0), new_head(8, 3, seed=0)
    with pytest.raises(LayersError, match="2 of the optimiser's 2 parameters are not the model's"):
        range_test(head, batches, optimizer_of(other))


def test_a_last_rate_of_zero_is_refused(batches):
    head = new_head(8, 3, seed=0)
    with pytest.raises(LayersError, match="has the rate 0, to which"):
        range_test(head, batches, optimizer_of(head, lr=0.0))


def test_an_unknown_rule_is_refused_before_anything_is_trained():
    head = new_head(8, 3, seed=0)
    with pytest.raises(ValueError, match="no rule 'best'; there is steepest, valley"):
        range_test(head, [], optimizer_of(head), rule="best")
