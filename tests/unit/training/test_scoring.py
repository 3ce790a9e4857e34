import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from lradapt.errors import TrainingError
from lradapt.training.head import new_head
from lradapt.training.scoring import predict_logits, score


def test_score_is_cross_entropy_and_accuracy(blobs, engine):
    model, examples = new_head(8, 3, seed=0), blobs(50)
    found = score(model, examples, engine)
    logits = model(examples.activations[:, 0])
    assert found.loss == pytest.approx(F.cross_entropy(logits, examples.labels).item())
    hits = (logits.argmax(1) == examples.labels).sum().item()
    assert found.accuracy == pytest.approx(hits / 50)


def test_a_network_that_is_too_sure_of_itself_loses_nothing_after_the_temperature(blobs, engine):
    model, examples = new_head(8, 3, seed=0), blobs(500)
    fair = score(model, examples, engine)
    with torch.no_grad():
        model.weight.mul_(8)
        model.bias.mul_(8)
    sure = score(model, examples, engine)
    assert sure.loss > 1.5 * fair.loss
    assert sure.tempered_loss == pytest.approx(fair.tempered_loss, rel=1e-3)
    assert fair.tempered_loss <= fair.loss


def test_the_error_of_the_loss_falls_with_the_root_of_the_images(blobs, engine):
    model, examples = new_head(8, 3, seed=0), blobs(400)
    few = score(model, examples, engine)
    fourfold = dataclasses.replace(
        examples,
        activations=examples.activations.repeat(4, 1, 1),
        labels=examples.labels.repeat(4),
    )
    many = score(model, fourfold, engine)
    assert many.tempered_loss == pytest.approx(few.tempered_loss, rel=1e-3)
    assert many.loss_error == pytest.approx(few.loss_error / 2, rel=1e-2)


def test_prediction_leaves_batchnorm_and_mode_as_they_are(blobs, engine):
    model = nn.Sequential(nn.BatchNorm1d(8), nn.Linear(8, 3)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    logits = predict_logits(model, blobs(40), engine)
    assert logits.shape == (40, 3)
    assert model.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_score_that_is_not_finite_is_an_error_with_its_images_and_the_remedy(one_broken, engine):
    message = (
        r"loss on 30 validation images is nan now, and the logits of 1 of them are not finite\."
        r" If the rates are the cause, lower the rates \(params\.yaml: head_rate, body_rates; where"
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
