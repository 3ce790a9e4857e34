import math
from contextlib import contextmanager
from itertools import islice

import pytest
import torch
import torch.nn.functional as F

from lradapt.errors import TrainingError
from lradapt.training.head import new_head
from lradapt.training.inputs.batches import training_batches
from lradapt.training.loop import finite, log_epoch, run_epochs, train_steps
from lradapt.training.records import Epoch, Step
from lradapt.training.schedules import cosine_cycles
from lradapt.training.scoring import Score, score
from lradapt.training.torch_scheduler import CosineCycles


def make_optimizer(model, max_lr=0.1):
    return torch.optim.SGD(model.parameters(), lr=max_lr, momentum=0.9, weight_decay=1e-2)


def test_losses_and_weights_are_those_of_a_plain_torch_loop(blobs, engine):
    examples, num_steps = blobs(100), 12
    factor = cosine_cycles([4, 8])
    ours = new_head(8, 3, seed=0)
    plain = new_head(8, 3, seed=0)

    batches = training_batches(examples, batch_size=32, seed=0)
    own = make_optimizer(ours)
    steps = train_steps(ours, batches, own, CosineCycles(own, [4, 8]), engine)
    losses = [step.loss for step in islice(steps, num_steps)]

    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)
    expected = []
    reference = islice(training_batches(examples, batch_size=32, seed=0), num_steps)
    for number, (inputs, labels) in enumerate(reference):
        optimizer.param_groups[0]["lr"] = 0.1 * factor(number)
        loss = F.cross_entropy(plain(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())

    assert losses == expected
    assert torch.equal(ours.weight, plain.weight)


def test_a_loss_that_is_not_finite_names_the_step_the_rates_and_the_remedy():
    steps = [Step(0, (0.1, 1.0), 2.0), Step(1, (0.1, 1.0), math.nan)]
    with pytest.raises(TrainingError, match=r"nan at step 1 with rates 0\.1, 1; lower the rates"):
        list(finite(steps))


def test_epochs_hold_their_steps_and_their_score_on_the_validation_split(blobs, engine):
    model = new_head(8, 3, seed=0)
    batches = training_batches(blobs(64), batch_size=32, seed=0)
    steps = train_steps(model, batches, make_optimizer(model), None, engine)
    first, second = islice(run_epochs(model, steps, 2, blobs(30, seed=1), engine), 2)
    assert [step.number for step in first.steps] == [0, 1]
    assert [step.number for step in second.steps] == [2, 3]
    assert second.validation == score(model, blobs(30, seed=1), engine)


def test_an_epoch_whose_score_is_not_finite_is_named_with_its_highest_rates(one_broken, engine):
    steps = iter([Step(n, (0.1 / (n + 1), 1.0 / (n + 1)), 2.0) for n in range(4)])
    epochs = run_epochs(new_head(8, 3, seed=0), steps, 2, one_broken(30), engine, first_epoch=4)
    with pytest.raises(TrainingError, match=r"is nan after epoch 5 with rates up to 0\.1, 1, and"):
        next(epochs)


def test_without_a_validation_split_weights_that_are_not_finite_are_named(blobs, engine):
    model = new_head(8, 3, seed=0)
    steps = iter([Step(n, (0.1,), 2.0) for n in range(4)])
    epochs = run_epochs(model, steps, 2, blobs(0), engine)
    assert next(epochs).validation is None
    with torch.no_grad():
        model.bias[1] = torch.nan
    message = r"1 tensor\(s\) of weights are not finite after epoch 2 .* first is bias; lower the"
    with pytest.raises(TrainingError, match=message):
        next(epochs)


def test_the_progress_of_an_epoch_knows_those_to_come_and_the_accuracy_so_far(
    blobs, engine, monkeypatch
):
    shown = []

    @contextmanager
    def tracked(items, what, **settings):
        shown.append((what, settings.get("following"), settings.get("note")))
        yield iter(items)

    monkeypatch.setattr("lradapt.training.loop.tracked", tracked)
    model = new_head(8, 3, seed=0)
    steps = (Step(number, (0.1,), 1.0) for number in range(100))
    epochs = run_epochs(model, steps, 5, blobs(30, seed=1), engine, first_epoch=1, num_epochs=3)
    first, _ = islice(epochs, 2)
    assert [each for each in shown if each[0] != "score"] == [
        ("epoch 2", 5, ""),
        ("epoch 3", 0, f"accuracy {first.validation.accuracy:.1%}"),
    ]


def test_each_new_epoch_is_reported_once_it_has_ended(blobs, engine):
    seen = []
    steps = (Step(number, (0.1,), 1.0) for number in range(100))
    epochs = run_epochs(new_head(8, 3, seed=0), steps, 5, blobs(9), engine, on_epoch=seen.append)
    assert list(islice(epochs, 2)) == seen


@pytest.mark.parametrize(
    ("validation", "text"),
    [
        (Score(1.0, 0.931, 0.9, 1.0), "epoch 3: loss 1.500, validation accuracy 93.1%"),
        (None, "epoch 3: loss 1.500"),
    ],
)
def test_an_epoch_is_logged_in_one_line(caplog, validation, text):
    caplog.set_level("INFO", logger="lradapt")
    log_epoch(Epoch(2, (Step(0, (0.1,), 1.0), Step(1, (0.1,), 2.0)), validation))
    assert caplog.messages == [text]
