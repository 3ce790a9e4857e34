import pytest
import torch
from sklearn.linear_model import LogisticRegression

from lradapt.errors import TrainingError
from lradapt.training.head import has_settled, new_head, train_head
from lradapt.training.loop import score

SETTINGS = {
    "max_lr": 0.1,
    "batch_size": 32,
    "momentum": 0.9,
    "l2": 1e-4,
    "max_epochs": 10,
    "patience_epochs": 3,
    "min_gain": 0.002,
    "seed": 0,
}


def test_a_trained_head_is_as_good_as_logistic_regression(blobs, engine):
    training, exam = blobs(3000, seed=1, spread=3.0), blobs(20_000, seed=2, spread=3.0)
    head = new_head(8, 3, seed=0)
    train_head(head, training, blobs(0), engine, **{**SETTINGS, "max_lr": 0.003, "batch_size": 64})
    reference = LogisticRegression(max_iter=1000).fit(training.activations[:, 0], training.labels)
    expected = reference.score(exam.activations[:, 0], exam.labels)
    assert 0.5 < expected < 0.99, "too easy or too hard to tell heads apart"
    assert score(head, exam, engine).accuracy >= expected - 0.002


def test_the_rate_restarts_each_epoch(blobs, engine):
    epochs = train_head(new_head(8, 3, seed=0), blobs(128), blobs(0), engine, **SETTINGS)
    rates = [[step.rates[0] for step in epoch.steps] for epoch in epochs]
    one_epoch = pytest.approx([0.1, 0.085355339, 0.05, 0.014644661])
    assert rates == [one_epoch] * 10


def test_training_stops_once_the_validation_side_has_settled(blobs, engine):
    easy = {"spread": 0.1}
    epochs = train_head(
        new_head(8, 3, seed=0), blobs(300, **easy), blobs(60, seed=1, **easy), engine, **SETTINGS
    )
    accuracies = [epoch.validation.accuracy for epoch in epochs]
    assert 4 <= len(epochs) < 10
    assert max(accuracies[-3:]) < max(accuracies[:-3]) + 0.002


def test_without_a_validation_side_every_epoch_is_run(blobs, engine):
    epochs = train_head(new_head(8, 3, seed=0), blobs(60), blobs(0), engine, **SETTINGS)
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


def test_a_score_on_the_validation_side_that_is_not_finite_ends_the_training(
    blobs, one_broken, engine
):
    with pytest.raises(TrainingError, match=r"is nan after epoch 1 with rates up to 0\.1, and"):
        train_head(new_head(8, 3, seed=0), blobs(60), one_broken(30), engine, **SETTINGS)
