"""The conventional arm: against a plain PyTorch loop, and its stopping on exact sequences."""

import copy
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.conventional import _stop_early, train_at
from benchmarks.settings import ConventionalSettings
from lradapt.errors import TrainingError
from lradapt.training.imbalance import Balance
from lradapt.training.inputs.batches import training_batches
from lradapt.training.records import Epoch
from lradapt.training.scoring import Score, score

SETTINGS = ConventionalSettings(
    rates=[0.01, 0.001],
    batch_size=16,
    momentum=0.9,
    l2=1e-4,
    patience_epochs=3,
    min_gain=0.0,
    max_epochs=4,
    target_accuracy=None,
)


def train(model, training, validation, engine, *, rate=0.01, settings=SETTINGS, **options):
    return train_at(rate, model, training, validation, engine, settings, seed=0, **options)


@pytest.fixture
def model():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))


def test_the_losses_of_two_legs_are_those_of_a_plain_torch_loop(model, blobs, engine):
    training, validation = blobs(90, spread=3.0), blobs(60, seed=1, spread=3.0)
    plain = copy.deepcopy(model)
    model.eval()  # the caller may have scored it
    first = train(model, training, validation, engine)
    second = train(model, training, validation, engine, rate=0.001, first_epoch=len(first.epochs))
    losses = [s.loss for leg in (first, second) for e in leg.epochs for s in e.steps]

    batches = training_batches(training, batch_size=16, seed=0)
    expected = []
    for rate, num_epochs in ((0.01, len(first.epochs)), (0.001, len(second.epochs))):
        optimizer = torch.optim.SGD(plain.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
        best, kept = score(plain, validation, engine).accuracy, copy.deepcopy(plain.state_dict())
        for _ in range(num_epochs):
            plain.train()
            for inputs, labels in islice(batches, 6):
                loss = F.cross_entropy(plain(inputs), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                expected.append(loss.item())
            accuracy = score(plain, validation, engine).accuracy
            if accuracy > best:
                best, kept = accuracy, copy.deepcopy(plain.state_dict())
        plain.load_state_dict(kept)

    assert losses == expected
    assert all(torch.equal(v, plain.state_dict()[n]) for n, v in model.state_dict().items())


def test_convolutions_are_trained_channels_last(blobs, engine):
    model = nn.Sequential(nn.Unflatten(1, (2, 2, 2)), nn.Conv2d(2, 3, 2), nn.Flatten())
    train(model, blobs(48), blobs(30), engine)
    assert model[1].weight.is_contiguous(memory_format=torch.channels_last)


def test_the_loss_and_the_order_of_the_balance_are_used(model, blobs, engine):
    seen = []

    def order(labels, numbers):
        return torch.zeros(len(labels), dtype=torch.int64)

    def loss(logits, labels):
        seen.append(labels.tolist())
        return logits.sum()

    once = SETTINGS.model_copy(update={"max_epochs": 1})
    train(model, blobs(48), blobs(30), engine, settings=once, balance=Balance(loss, order))
    assert seen == [[0] * 16] * 3


def test_a_loss_that_is_not_finite_ends_the_training(model, blobs, engine):
    with pytest.raises(TrainingError, match="the loss became"):
        train(model, blobs(48), blobs(30), engine, rate=1e30)


def test_a_network_that_is_broken_from_the_start_is_reported_before_training(
    model, blobs, one_broken, engine
):
    with pytest.raises(TrainingError, match=r"is nan before training at 0\.01, .* replace the b"):
        train(model, blobs(48), one_broken(30), engine)


def test_a_score_that_is_not_finite_after_an_epoch_ends_the_training(model, blobs, engine):
    validation = blobs(30)

    def loss(logits, labels):
        validation.activations[0] = torch.inf  # as soon as training has begun
        return F.cross_entropy(logits, labels)

    with pytest.raises(TrainingError, match=r"is nan after epoch 1 with rates up to 0\.01, and"):
        train(model, blobs(48), validation, engine, balance=Balance(loss))


def stop(accuracies, start=0.1, patience=2, min_gain=0.05, ceiling=9, target=None):
    """How many epochs run on these accuracies, the best of them, and what stopped them."""
    model = nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(-1)

    def epochs():
        for number, accuracy in enumerate(accuracies):
            with torch.no_grad():
                model.weight.fill_(number)
            yield Epoch(number, (), Score(1.0, accuracy, accuracy, 1.0))

    changes = {"patience_epochs": patience, "min_gain": min_gain, "max_epochs": ceiling}
    settings = SETTINGS.model_copy(update={**changes, "target_accuracy": target})
    leg = _stop_early(0.01, model, epochs(), Score(1.0, start, start, 1.0), settings)
    return len(leg.epochs), leg.best.accuracy, leg.stopped, int(model.weight.item())


@pytest.mark.parametrize(
    ("accuracies", "epochs", "best", "stopped", "restored"),
    [
        ([0.5, 0.6, 0.6, 0.6, 0.9], 4, 0.6, "patience", 1),
        ([0.5, 0.51, 0.56, 0.57, 0.58, 0.9], 5, 0.58, "patience", 4),  # small rises are no gain
        ([0.05, 0.06, 0.07, 0.9], 2, 0.1, "patience", -1),  # none is better than the start
        ([0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0], 9, 1.0, "ceiling", 8),
        ([0.15, 0.15, 0.15, 0.9], 3, 0.15, "patience", 0),  # a rise by just min_gain is a gain
        ([0.5, 0.53, 0.56, 0.57, 0.58, 0.9], 5, 0.58, "patience", 4),  # small rises add up to one
    ],
)
def test_early_stopping_waits_for_its_patience_and_restores_the_best(
    accuracies, epochs, best, stopped, restored
):
    assert stop(accuracies) == (epochs, best, stopped, restored)


def test_without_a_least_gain_equal_is_no_gain():
    assert stop([0.5, 0.5, 0.5, 0.9], min_gain=0.0) == (3, 0.5, "patience", 0)


def test_the_epoch_that_reaches_the_target_is_the_last():
    assert stop([0.2, 0.7, 0.9], target=0.7) == (2, 0.7, "target", 1)


def test_without_a_validation_split_early_stopping_is_refused(model, blobs, engine):
    with pytest.raises(
        TrainingError, match="early stopping needs a validation split, which is empt"
    ):
        train(model, blobs(48), blobs(0), engine)
