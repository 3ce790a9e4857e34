"""The range test: the one that the stages run, and that `lradapt.range_test` offers."""

import copy
import math
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lradapt.errors import LayersError, TrainingError
from lradapt.training.head import new_head
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import training_batches
from lradapt.training.inputs.examples import ActivationExamples
from lradapt.training.range_test.curve import mean_sweep
from lradapt.training.range_test.measure import SweepRecipe, range_test, seeded_sweeps
from lradapt.training.range_test.suggestion import suggest
from lradapt.training.torch_scheduler import CosineCycles


@pytest.fixture
def batches(blobs):
    """Ten batches of 32, as a list."""
    shuffled = training_batches(blobs(320), batch_size=32, seed=0)
    return [next(shuffled) for _ in range(10)]


def optimizer_of(model, lr=1.0):
    return torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)


def test_model_optimizer_and_random_state_are_as_before(batches):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Dropout(0.1), nn.Linear(8, 3)).train()
    optimizer = optimizer_of(model, lr=0.25)
    nn.functional.cross_entropy(model(batches[0][0]), batches[0][1]).backward()
    optimizer.step()
    before = copy.deepcopy((model.state_dict(), optimizer.state_dict(), torch.get_rng_state()))
    range_test(model, batches, optimizer, num_steps=20)
    after = model.state_dict(), optimizer.state_dict(), torch.get_rng_state()
    torch.testing.assert_close(after, before, rtol=0, atol=0)
    assert "initial_lr" not in optimizer.param_groups[0]
    assert model.training


def test_batches_are_gone_through_again_and_sweeps_go_on_with_further_ones(batches):
    head = new_head(8, 3, seed=0)
    first, second = range_test(
        head, batches, optimizer_of(head), end_lr=0.01, num_steps=15, num_sweeps=2
    ).sweeps
    assert first.baseline[:5] == first.baseline[10:]
    assert second.baseline[:5] == first.baseline[5:10]


def test_the_groups_keep_their_ratio_to_the_last_one(batches):
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))
    groups = [
        {"params": model[0].parameters(), "lr": 0.02},
        {"params": model[1].parameters(), "lr": 0.2},
    ]
    optimizer = torch.optim.SGD(groups, momentum=0.9)
    found = range_test(model, batches, optimizer, end_lr=100.0)
    assert found.rates == (0.02, 0.2)
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


def test_an_optimizer_of_another_model_is_refused(batches):
    head, other = new_head(8, 3, seed=0), new_head(8, 3, seed=0)
    with pytest.raises(LayersError, match="2 of the optimizer's 2 parameters are not the model's"):
        range_test(head, batches, optimizer_of(other))


def test_a_last_rate_of_zero_is_refused(batches):
    head = new_head(8, 3, seed=0)
    with pytest.raises(LayersError, match="has the rate 0, to which"):
        range_test(head, batches, optimizer_of(head, lr=0.0))


def test_an_earlier_scheduler_of_the_optimizer_does_not_change_the_rates_tried(batches):
    head = new_head(8, 3, seed=0)
    optimizer = optimizer_of(head)
    fresh = range_test(head, batches, optimizer, end_lr=0.01, num_steps=10)
    torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    assert range_test(head, batches, optimizer, end_lr=0.01, num_steps=10).sweeps == fresh.sweeps


def test_within_autocast_the_copy_is_trained_too(batches):
    head = new_head(8, 3, seed=0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = range_test(head, batches, optimizer_of(head), num_steps=40)
    (sweep,) = found.sweeps
    assert sweep.losses[25] < 0.9 * sweep.baseline[25]


def test_an_unknown_rule_is_refused_before_anything_is_trained():
    head = new_head(8, 3, seed=0)
    with pytest.raises(ValueError, match="no rule 'best'; expected one of steepest, valley"):
        range_test(head, [], optimizer_of(head), rule="best")


def run(model, examples, engine, *, end_lr=100.0, num_steps=60, seed=0):
    """One sweep."""
    batches = training_batches(examples, batch_size=32, seed=seed)
    settings = {"end_lr": end_lr, "num_steps": num_steps, "engine": engine}
    (sweep,) = range_test(model, batches, optimizer_of(model), **settings).sweeps
    return sweep


def test_rates_rise_in_equal_ratios(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine, end_lr=0.01, num_steps=30)
    lengths = [len(part) for part in (sweep.losses, sweep.baseline, sweep.smoothed)]
    assert lengths == [30, 30, 30]
    assert sweep.rates == pytest.approx(np.geomspace(1e-5, 0.01, 30))


def test_a_diverging_sweep_ends_early(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=1e4)
    assert len(sweep.rates) < 60
    assert all(math.isfinite(loss) for loss in sweep.losses)


def test_hard_batches_of_a_solved_head_do_not_end_a_sweep(blobs, engine):
    head, examples = new_head(8, 3, seed=0), blobs(300, spread=2.0)
    optimizer = optimizer_of(head, lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        logits = head(examples.activations[:, 0])
        nn.functional.cross_entropy(logits, examples.labels).backward()
        optimizer.step()
    few = training_batches(examples, batch_size=4, seed=2)
    sweep = range_test(head, few, optimizer, end_lr=2e-5, num_steps=60, engine=engine).sweeps[0]
    assert max(sweep.losses) > 20 * sweep.losses[0]
    assert len(sweep.rates) == 60


def test_a_rate_of_nothing_leaves_the_ratio_at_one_however_the_batches_differ(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300, spread=3.0), engine, end_lr=2e-5, num_steps=30)
    assert max(sweep.losses) > 1.2 * min(sweep.losses)
    assert sweep.smoothed == pytest.approx([1.0] * 30, rel=0.01)


def test_the_first_loss_of_a_sweep_is_the_baselines(blobs, engine):
    sweep = run(new_head(8, 3, seed=0), blobs(300), engine)
    assert sweep.losses[0] == sweep.baseline[0]
    assert sweep.losses[20] < sweep.baseline[20]


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


def test_a_sweep_ends_where_the_baselines_loss_is_not_finite(blobs, engine):
    head = new_head(8, 3, seed=0)
    calls = []

    def loss(logits, labels):
        calls.append(labels)
        value = torch.nn.functional.cross_entropy(logits, labels)
        return value * torch.nan if len(calls) == 12 else value  # the baseline's sixth

    (sweep,) = several(lambda _: head, blobs(300), engine, num_sweeps=1, balance=Balance(loss))
    assert len(sweep.rates) == 5


def test_a_loss_of_the_trained_copy_that_is_not_finite_is_a_divergence(blobs, engine):
    head = new_head(8, 3, seed=0)
    calls = []

    def loss(logits, labels):
        calls.append(labels)
        value = torch.nn.functional.cross_entropy(logits, labels)
        return value * torch.nan if len(calls) == 2 * 24 + 1 else value  # the copy's 25th

    settings = {"num_sweeps": 1, "end_lr": 1.0, "balance": Balance(loss)}
    (sweep,) = several(lambda _: head, blobs(300), engine, **settings)
    assert len(sweep.rates) == 25
    assert sweep.losses[-1] == max(sweep.baseline[-1], *sweep.losses[:-1]) + 3.0
    assert suggest([sweep], "rise").rate < sweep.rates[-1]


def test_a_loss_that_is_not_finite_before_any_training_has_a_message_of_its_own(blobs, engine):
    head = new_head(8, 3, seed=0)
    with torch.no_grad():
        head.bias.fill_(torch.nan)
    with pytest.raises(TrainingError, match=r"not finite before any training; check the pixels"):
        run(head, blobs(300), engine)


def test_sweeps_see_other_batches_of_a_loader_that_shuffles(blobs):
    examples, head = blobs(300), new_head(8, 3, seed=0)
    data = TensorDataset(examples.activations[:, 0], examples.labels)
    loader = DataLoader(data, batch_size=30, shuffle=True)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    found = range_test(head, loader, optimizer_of(head), num_steps=20, num_sweeps=3)
    assert len({sweep.baseline for sweep in found.sweeps}) == 3
    assert torch.equal(torch.get_rng_state(), state)


def test_dropout_of_seeded_sweeps_follows_the_seed_alone(blobs, engine):
    model = nn.Sequential(nn.Dropout(0.3), new_head(8, 3, seed=0))

    def losses(state, seed=5):
        torch.manual_seed(state)
        sweeps = several(lambda _: model, blobs(300), engine, num_sweeps=2, seed=seed)
        return [sweep.losses for sweep in sweeps]

    assert losses(0) == losses(1)
    assert losses(0) != losses(0, seed=7)


def test_no_sweep_is_refused():
    head = new_head(8, 3, seed=0)
    with pytest.raises(ValueError, match="num_sweeps is 0; expected 1 or more"):
        range_test(head, [], optimizer_of(head), num_sweeps=0)


def test_a_scheduler_after_the_range_test_begins_with_the_found_rate(blobs, engine):
    head, examples = new_head(8, 3, seed=0), blobs(300, spread=3.0)
    optimizer = optimizer_of(head, lr=0.001)
    CosineCycles(optimizer, [10])  # of an earlier training
    batches = training_batches(examples, batch_size=32, seed=0)
    found = range_test(head, batches, optimizer, end_lr=1e4, num_steps=60, rule="rise")
    found.apply_to(optimizer)
    CosineCycles(optimizer, [10])
    assert optimizer.param_groups[0]["lr"] == found.suggestion.rate > 0.001


def several(model_of, examples, engine, balance=NO_BALANCE, seed=5, **settings):
    recipe = {
        "start_lr": 1e-5,
        "end_lr": 100.0,
        "num_steps": 60,
        "num_sweeps": 3,
        "batch_size": 32,
        "momentum": 0.9,
        "l2": 0.0,
        **settings,
    }
    return seeded_sweeps(
        model_of, examples, optimizer_of, engine, SweepRecipe(**recipe), seed=seed, balance=balance
    )


def test_several_sweeps_have_a_model_and_an_order_of_images_by_seeds_that_follow(blobs, engine):
    examples = blobs(300)
    sweeps = several(lambda seed: new_head(8, 3, seed=seed), examples, engine)
    assert sweeps == [run(new_head(8, 3, seed=n), examples, engine, seed=n) for n in (5, 6, 7)]
    assert len(set(sweeps)) == 3


def test_sweeps_use_the_loss_and_the_order_of_the_balance(blobs, engine):
    seen = []

    def order(labels, numbers):
        return torch.zeros(len(labels), dtype=torch.int64)

    def loss(logits, labels):
        seen.append(labels.tolist())
        return logits.square().mean()

    balance = Balance(loss, order)
    head = new_head(8, 3, seed=0)
    several(lambda _: head, blobs(64), engine, num_sweeps=1, num_steps=4, balance=balance)
    assert seen == [[0] * 32] * 8  # the copy's and the baseline's


def test_the_progress_of_a_sweep_knows_the_steps_of_those_to_come(blobs, engine, monkeypatch):
    following = []

    @contextmanager
    def tracked(items, what, **settings):
        following.append(settings["following"])
        yield iter(items)

    monkeypatch.setattr("lradapt.training.range_test.measure.tracked", tracked)
    several(lambda seed: new_head(8, 3, seed=seed), blobs(64), engine, num_steps=4)
    assert following == [8, 4, 0]
