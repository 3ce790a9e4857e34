from dataclasses import replace

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from lradapt.training.head import HeadRecipe, has_settled, new_head, train_head
from lradapt.training.scoring import score

RECIPE = HeadRecipe(
    batch_size=32, momentum=0.9, l2=1e-4, max_epochs=10, patience_epochs=3, min_gain=0.002
)


def train(head, training, validation, engine, recipe=RECIPE, max_lr=0.1):
    return train_head(head, training, validation, engine, recipe, max_lr=max_lr, seed=0)


def test_a_trained_head_is_as_good_as_logistic_regression(blobs, engine):
    training, test = blobs(3000, seed=1, spread=3.0), blobs(20_000, seed=2, spread=3.0)
    head = new_head(8, 3, seed=0)
    train(head, training, blobs(0), engine, replace(RECIPE, batch_size=64), max_lr=0.003)
    reference = LogisticRegression(max_iter=1000).fit(training.activations[:, 0], training.labels)
    expected = reference.score(test.activations[:, 0], test.labels)
    assert 0.5 < expected < 0.99, "too easy or too hard to tell heads apart"
    assert score(head, test, engine).accuracy >= expected - 0.002


def test_the_rate_restarts_each_epoch(blobs, engine):
    epochs = train(new_head(8, 3, seed=0), blobs(128), blobs(0), engine)
    rates = [[step.rates[0] for step in epoch.steps] for epoch in epochs]
    one_epoch = pytest.approx([0.1, 0.085355339, 0.05, 0.014644661])
    assert rates == [one_epoch] * 10


def test_training_stops_once_the_validation_accuracy_has_settled(blobs, engine):
    easy = {"spread": 0.1}
    training, validation = blobs(300, **easy), blobs(60, seed=1, **easy)
    epochs = train(new_head(8, 3, seed=0), training, validation, engine)
    accuracies = [epoch.validation.accuracy for epoch in epochs]
    assert 4 <= len(epochs) < 10
    assert max(accuracies[-3:]) < max(accuracies[:-3]) + 0.002


def test_without_a_validation_split_every_epoch_is_run(blobs, engine):
    epochs = train(new_head(8, 3, seed=0), blobs(60), blobs(0), engine)
    assert [epoch.validation for epoch in epochs] == [None] * 10


@pytest.mark.parametrize(
    ("accuracies", "settled"),
    [
        ([0.5], False),
        ([0.5, 0.5, 0.5], False),  # three epochs are all patience, with none before them
        ([0.5, 0.5, 0.5, 0.5], True),
        ([0.5, 0.5, 0.5, 0.51], False),
        ([0.9, 0.5, 0.6, 0.7], True),
        ([], False),
    ],
)
def test_settled_means_no_gain_within_the_patience(accuracies, settled):
    assert has_settled(accuracies, patience_epochs=3, min_gain=0.01) is settled


def test_a_new_head_depends_on_its_seed_alone():
    torch.manual_seed(1)
    one = new_head(8, 3, seed=5)
    torch.manual_seed(2)
    state = torch.random.get_rng_state()
    other = new_head(8, 3, seed=5)
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.equal(one.weight, new_head(8, 3, seed=6).weight)
