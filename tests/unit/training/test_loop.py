import math
from contextlib import contextmanager
from itertools import islice

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lradapt.errors import TrainingError
from lradapt.training.head import HEAD, new_head
from lradapt.training.inputs.batches import training_batches
from lradapt.training.loop import Step, finite, predict_logits, run_epochs, score, sgd, train_steps
from lradapt.training.param_groups import build_param_groups
from lradapt.training.schedules import constant, cosine_cycles


def make_optimizer(model, max_lr=0.1):
    return sgd(build_param_groups(model, HEAD, [max_lr]), momentum=0.9, l2=1e-2)


def test_losses_and_weights_are_those_of_a_plain_torch_loop(blobs, engine):
    examples, num_steps = blobs(100), 12
    height = cosine_cycles([4, 8])
    ours = new_head(8, 3, seed=0)
    plain = new_head(8, 3, seed=0)

    batches = training_batches(examples, batch_size=32, seed=0)
    steps = islice(train_steps(ours, batches, make_optimizer(ours), height, engine), num_steps)
    losses = [step.loss for step in steps]

    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-2)
    expected = []
    reference = islice(training_batches(examples, batch_size=32, seed=0), num_steps)
    for number, (inputs, labels) in enumerate(reference):
        optimizer.param_groups[0]["lr"] = 0.1 * height(number)
        loss = F.cross_entropy(plain(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())

    assert losses == expected
    assert torch.equal(ours.weight, plain.weight)


def test_steps_carry_their_number_and_the_rate_as_run(blobs, engine):
    model = new_head(8, 3, seed=0)
    batches = training_batches(blobs(64), batch_size=32, seed=0)
    steps = train_steps(model, batches, make_optimizer(model), cosine_cycles([4]), engine)
    found = [(step.number, step.rates) for step in islice(steps, 4)]
    assert [number for number, _ in found] == [0, 1, 2, 3]
    rates = [rate for _, (rate,) in found]
    assert rates == pytest.approx([0.1, 0.085355339, 0.05, 0.014644661])


def test_a_run_cut_in_two_ends_like_an_undisturbed_one(blobs, engine):
    examples = blobs(90)

    def run(*cuts):
        model = new_head(8, 3, seed=0)
        optimizer = make_optimizer(model)
        for start, stop in zip((0, *cuts), (*cuts, 14), strict=True):
            batches = training_batches(examples, batch_size=16, seed=3, first_step=start)
            steps = train_steps(
                model, batches, optimizer, cosine_cycles([14]), engine, first_step=start
            )
            list(islice(steps, stop - start))
        return model.weight

    assert torch.equal(run(), run(5, 8))


def test_a_loss_that_is_not_finite_names_the_step_the_rates_and_the_remedy():
    steps = [Step(0, (0.1, 1.0), 2.0), Step(1, (0.1, 1.0), math.nan)]
    with pytest.raises(TrainingError, match=r"nan at step 1 with rates 0\.1, 1; lower them"):
        list(finite(steps))


def test_finite_passes_on_what_is_finite():
    steps = [Step(0, (0.1,), 2.0), Step(1, (0.1,), 1.5)]
    assert list(finite(steps)) == steps


def test_epochs_hold_their_steps_and_their_score_on_the_validation_side(blobs, engine):
    model = new_head(8, 3, seed=0)
    batches = training_batches(blobs(64), batch_size=32, seed=0)
    steps = train_steps(model, batches, make_optimizer(model), constant(), engine)
    first, second = islice(run_epochs(model, steps, 2, blobs(30, seed=1), engine), 2)
    assert [step.number for step in first.steps] == [0, 1]
    assert [step.number for step in second.steps] == [2, 3]
    assert second.validation == score(model, blobs(30, seed=1), engine)


def test_score_is_cross_entropy_and_accuracy(blobs, engine):
    model, examples = new_head(8, 3, seed=0), blobs(50)
    found = score(model, examples, engine)
    logits = model(examples.activations[:, 0])
    assert found.loss == pytest.approx(F.cross_entropy(logits, examples.labels).item())
    hits = (logits.argmax(1) == examples.labels).sum().item()
    assert found.accuracy == pytest.approx(hits / 50)


def test_prediction_leaves_batchnorm_and_mode_as_they_are(blobs, engine):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 3)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits = predict_logits(model, blobs(40), engine, batch_size=16)
    assert logits.shape == (40, 3)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_score_that_is_not_finite_is_an_error_with_its_images_and_the_remedy(one_broken, engine):
    message = (
        r"loss on the 30 images that judge is nan now, and the logits of 1 of them are not finite\."
        r" If rates are to blame, lower them \(params\.yaml: head_rate, body_rates\)"
    )
    with pytest.raises(TrainingError, match=message):
        score(new_head(8, 3, seed=0), one_broken(30), engine)


def test_one_logit_of_minus_infinity_is_an_error_though_the_loss_is_finite(blobs, engine):
    model, examples = new_head(8, 3, seed=0), blobs(30)
    with torch.no_grad():
        model.bias[0] = -torch.inf
    examples.labels[examples.labels == 0] = 1
    with pytest.raises(TrainingError, match=r"is \d+\.\d+ now, and the logits of 30 of them"):
        score(model, examples, engine)


def test_finite_logits_whose_loss_overflows_are_an_error(blobs, engine):
    model = new_head(8, 3, seed=0)
    with torch.no_grad():
        model.weight.zero_()
        model.bias.copy_(torch.tensor([3e38, -3e38, 0.0]))
    with pytest.raises(TrainingError, match=r"is inf now, and the logits of 0 of them"):
        score(model, blobs(30), engine)


def test_an_epoch_whose_score_is_not_finite_is_named_with_its_highest_rates(one_broken, engine):
    steps = iter([Step(n, (0.1 / (n + 1), 1.0 / (n + 1)), 2.0) for n in range(4)])
    epochs = run_epochs(new_head(8, 3, seed=0), steps, 2, one_broken(30), engine, first_epoch=4)
    with pytest.raises(TrainingError, match=r"is nan after epoch 5 with rates up to 0\.1, 1, and"):
        next(epochs)


def test_without_a_validation_side_weights_that_are_not_finite_are_named(blobs, engine):
    model = new_head(8, 3, seed=0)
    steps = iter([Step(n, (0.1,), 2.0) for n in range(4)])
    epochs = run_epochs(model, steps, 2, blobs(0), engine)
    assert next(epochs).validation is None
    with torch.no_grad():
        model.bias[1] = torch.nan
    message = r"1 tensor\(s\) of weights are not finite after epoch 2 .* first is bias; lower them"
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
