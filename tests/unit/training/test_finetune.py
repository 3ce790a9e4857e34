import copy
import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lradapt.errors import TrainingError
from lradapt.networks.architectures import LayerGroup
from lradapt.training.finetune import (
    FinetuneRecipe,
    finetune,
    lower_rates_may_gain,
    reached,
    was_worth_it,
)
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import training_batches
from lradapt.training.records import Cycle, Epoch, snapshot
from lradapt.training.scoring import Score

LAYERS = (LayerGroup(name="body", pattern=r"^0\."), LayerGroup(name="head", pattern=r"^1\."))
RECIPE = FinetuneRecipe(
    batch_size=16, momentum=0.9, l2=1e-4, num_cycles=3, first_cycle_epochs=1, cycle_growth=2
)


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 3))


def cycles_of(
    model,
    training,
    validation,
    engine,
    *,
    layers=LAYERS,
    max_lrs=(0.01, 0.1),
    seed=0,
    balance=NO_BALANCE,
    **changes,
):
    """The cycles of a training, for as long as the caller asks for the next."""
    recipe = replace(RECIPE, **changes)
    words = {"layers": layers, "max_lrs": max_lrs, "seed": seed, "balance": balance}
    return finetune(model, training, validation, engine, recipe, **words)


def run(*words, **settings):
    """The epochs of every cycle."""
    return [epoch for cycle in cycles_of(*words, **settings) for epoch in cycle.epochs]


def test_cycles_of_one_two_and_four_epochs_make_seven(model, blobs, engine):
    epochs = run(model, blobs(32), blobs(9, seed=1), engine)
    assert [epoch.number for epoch in epochs] == [0, 1, 2, 3, 4, 5, 6]
    assert all(epoch.validation for epoch in epochs)
    heads = [round(step.rates[1] / 0.1, 4) for epoch in epochs for step in epoch.steps]
    assert heads[:6] == [1.0, 0.5, 1.0, 0.8536, 0.5, 0.1464]
    assert heads[6:] == [1.0, 0.9619, 0.8536, 0.6913, 0.5, 0.3087, 0.1464, 0.0381]


def test_the_losses_are_those_of_a_plain_torch_loop(model, blobs, engine):
    training = blobs(48, spread=3.0)
    model.insert(1, nn.BatchNorm1d(8))
    model.eval()  # the caller may have scored it
    plain = copy.deepcopy(model).train()
    layers = (LayerGroup(name="body", pattern=r"^[01]\."), LayerGroup(name="head", pattern=r"^2"))
    settings = {"layers": layers, "l2": 0.01, "num_cycles": 2, "first_cycle_epochs": 2, "seed": 3}
    epochs = run(model, training, blobs(9), engine, **settings)

    factors = [0.5 + 0.5 * math.cos(math.pi * t / end) for end in (6, 12) for t in range(end)]
    body, head = [*plain[0].parameters(), *plain[1].parameters()], plain[2].parameters()
    optimizer = torch.optim.SGD(
        [{"params": body}, {"params": head}], lr=0.0, momentum=0.9, weight_decay=0.01
    )
    batches = training_batches(training, batch_size=16, seed=3)
    expected = []
    for factor, (inputs, labels) in zip(factors, batches, strict=False):
        for group, peak in zip(optimizer.param_groups, (0.01, 0.1), strict=True):
            group["lr"] = factor * peak
        loss = F.cross_entropy(plain(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())

    assert [s.loss for epoch in epochs for s in epoch.steps] == pytest.approx(expected, rel=1e-5)
    assert len(expected) == 18


def test_convolutions_are_trained_channels_last(blobs, engine):
    model = nn.Sequential(nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 3, 2), nn.Flatten())
    layers = (LayerGroup(name="all", pattern=""),)
    run(model, blobs(48), blobs(0), engine, layers=layers, max_lrs=[0.1], num_cycles=1)
    assert model[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_a_loss_that_is_not_finite_ends_the_training(model, blobs, engine):
    with pytest.raises(TrainingError, match="the loss became"):
        run(model, blobs(48), blobs(0), engine, max_lrs=[1e30, 1e30])


def test_a_target_is_reached_by_the_accuracy_that_it_names_and_never_unseen():
    seen = Epoch(0, (), Score(1.0, 0.5, 0.9, 1.0))
    assert [reached(seen, target) for target in (None, 0.5, 0.51)] == [False, True, False]
    assert not reached(Epoch(0, (), None), 0.5)


def test_every_layer_learns(model, blobs, engine):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    run(model, blobs(48), blobs(0), engine)
    moved = [name for name, value in model.state_dict().items() if not value.equal(before[name])]
    assert moved == list(before)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_layers_with_a_rate_of_zero_keep_every_bit(blobs, engine, optimizer):
    body = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8))
    model = nn.Sequential(body, nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)))
    before = snapshot(model)
    epochs = run(model, blobs(48), blobs(9), engine, max_lrs=(0, 0.01), optimizer=optimizer)
    changed = {name for name, value in model.state_dict().items() if (value != before[name]).any()}
    assert changed == {name for name in before if name.startswith("1.")}
    assert {step.rates[0] for epoch in epochs for step in epoch.steps} == {0}


def test_no_gradient_is_computed_before_the_first_layer_that_is_trained(model, blobs, engine):
    seen = []
    model[0].register_forward_hook(lambda *call: seen.append(call[2].requires_grad))
    run(model, blobs(16), blobs(0), engine, max_lrs=(0, 0.1), num_cycles=1)
    assert seen == [False]


def test_each_cycle_ends_with_a_copy_of_its_weights(model, blobs, engine):
    cycles = list(cycles_of(model, blobs(48), blobs(9), engine))
    assert [len(cycle.epochs) for cycle in cycles] == [1, 2, 4]
    ends = [cycle.weights["0.weight"] for cycle in cycles]
    assert torch.equal(ends[2], model[0].weight)
    assert not torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[1], ends[2])


def test_the_epoch_that_reaches_the_target_is_the_last(model, blobs, engine):
    validation = blobs(60, seed=1)
    accuracies = [
        e.validation.accuracy for e in run(copy.deepcopy(model), blobs(48), validation, engine)
    ]
    assert accuracies[0] < accuracies[1], "this seed shows nothing"
    stopped = run(model, blobs(48), validation, engine, target_accuracy=accuracies[1])
    assert [epoch.validation.accuracy for epoch in stopped] == accuracies[:2]


def test_a_target_without_a_validation_split_is_refused(model, blobs, engine):
    with pytest.raises(TrainingError, match=r"finetune\.target_accuracy needs a validation split"):
        next(cycles_of(model, blobs(48), blobs(0), engine, target_accuracy=0.9))


def test_the_loss_and_the_order_of_the_balance_are_used(model, blobs, engine):
    training = blobs(48)
    seen = []

    def order(labels, numbers):
        return torch.zeros(len(labels), dtype=torch.int64)

    def loss(logits, labels):
        seen.append(labels)
        return logits.sum()

    run(model, training, blobs(0), engine, balance=Balance(loss, order), num_cycles=1)
    assert [labels.tolist() for labels in seen] == [[0] * 16] * 3


def cycle_with(loss, balanced_accuracy=0.5):
    epoch = Epoch(0, (), Score(loss, 0.5, balanced_accuracy, loss))
    return Cycle((epoch,), {})


@pytest.mark.parametrize(
    ("losses", "worth"),
    [
        ((0.6, 0.5), True),
        ((0.6, 0.66), True),
        ((0.6, 0.67), False),
        ((0.6, 0.65, 0.62), False),
        ((0.6, 0.65, 0.6), False),
        ((0.6, 0.65, 0.59), True),
        ((0.6, 0.4, 0.5), False),
    ],
)
def test_a_cycle_was_worth_it_if_it_is_better_than_all_before_it_or_a_first_that_lost_little(
    losses, worth
):
    before, *cycles = (cycle_with(loss) for loss in losses)
    assert was_worth_it(before.epochs[-1].validation, cycles, "loss") is worth


@pytest.mark.parametrize(("error", "worth"), [(0.0, False), (0.05, False), (0.07, True)])
def test_a_first_cycle_may_lose_what_chance_explains_besides(error, worth):
    before = Score(0.6, 0.5, 0.5, 0.6, error)
    assert was_worth_it(before, [cycle_with(0.72)], "loss") is worth


def test_the_criterion_decides_what_better_is():
    before, cycle = Score(0.5, 0.5, 0.5, 0.5), cycle_with(0.6, balanced_accuracy=0.45)
    assert was_worth_it(before, [cycle], "balanced_accuracy")
    assert not was_worth_it(before, [cycle_with(0.4, balanced_accuracy=0.44)], "balanced_accuracy")
    assert not was_worth_it(before, [cycle], "loss")


@pytest.mark.parametrize(
    ("loss", "balanced_accuracy", "by", "may"),
    [
        (0.6, 0.1, "loss", True),
        (0.61, 0.5, "loss", False),
        (9.0, 0.4, "balanced_accuracy", True),
        (0.5, 0.39, "balanced_accuracy", False),
    ],
)
def test_lower_rates_may_gain_after_a_first_cycle_that_lost_at_most_a_fifth(
    loss, balanced_accuracy, by, may
):
    before, first = Score(0.5, 0.5, 0.5, 0.5), cycle_with(loss, balanced_accuracy)
    assert lower_rates_may_gain(before, first, by) is may


def test_without_a_validation_split_every_cycle_counts_as_worth_it():
    assert was_worth_it(None, [Cycle((Epoch(0, (), None),), {})], "loss")


@pytest.mark.parametrize("frozen", [True, False])
def test_frozen_batchnorm_keeps_its_statistics_and_trains_its_scales(blobs, engine, frozen):
    model = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Linear(6, 3))
    before = snapshot(model)
    recipe = FinetuneRecipe(
        batch_size=16,
        momentum=0.9,
        l2=0.0,
        num_cycles=2,
        first_cycle_epochs=1,
        cycle_growth=1,
        batchnorm="frozen" if frozen else "batch",
    )
    layers = [LayerGroup(name="all", pattern="")]
    words = {"layers": layers, "max_lrs": [0.05], "seed": 0}
    list(finetune(model, blobs(48), blobs(9, seed=1), engine, recipe, **words))
    after = snapshot(model)
    assert torch.equal(before["1.running_mean"], after["1.running_mean"]) is frozen
    assert not torch.equal(before["1.weight"], after["1.weight"])
