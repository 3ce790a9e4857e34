import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.utils.class_weight import compute_class_weight
from torch.utils.data import WeightedRandomSampler

from lradapt.training.imbalance import (
    balanced,
    class_weights,
    log_shares,
    make_balance,
    shuffled,
)

LABELS = torch.tensor([0] * 6 + [1] * 3 + [2])


def numbers(seed=0):
    return torch.Generator().manual_seed(seed)


def test_class_weights_are_those_of_scikit_learn():
    expected = compute_class_weight("balanced", classes=np.arange(3), y=LABELS.numpy())
    assert class_weights(LABELS, 3).tolist() == pytest.approx(expected)


def test_a_class_without_an_image_has_finite_weights_and_shares():
    assert class_weights(LABELS, 4)[3] == pytest.approx(10 / 4)
    assert math.isfinite(log_shares(LABELS, 4)[3])


def test_shares_are_logarithms():
    assert log_shares(LABELS, 3).exp().tolist() == pytest.approx([0.6, 0.3, 0.1])


def test_shuffled_shows_every_image_once():
    assert sorted(shuffled(LABELS, numbers()).tolist()) == list(range(10))


def test_balanced_draws_each_class_equally_often_and_each_of_its_images():
    labels = LABELS.repeat(600)
    drawn = balanced(labels, numbers())
    assert len(drawn) == len(labels) == 6000
    counts = labels[drawn].bincount()
    assert counts.tolist() == pytest.approx([2000] * 3, abs=150)
    rare = drawn[labels[drawn] == 2]
    assert len(rare.unique()) > 500, "an image of the rare class is hardly ever drawn"


def test_balanced_draws_are_those_of_torch_s_weighted_sampler():
    shares = [1 / 6] * 6 + [1 / 3] * 3 + [1.0]
    sampler = WeightedRandomSampler(shares * 600, 6000, replacement=True, generator=numbers())
    assert balanced(LABELS.repeat(600), numbers()).tolist() == list(sampler)


def test_an_order_depends_on_its_numbers_alone():
    for order in (shuffled, balanced):
        assert torch.equal(order(LABELS, numbers(3)), order(LABELS, numbers(3)))
        assert not torch.equal(order(LABELS, numbers(3)), order(LABELS, numbers(4)))


def test_the_weighted_loss_is_torch_s():
    logits, labels = torch.randn(8, 3, generator=numbers()), torch.tensor([0, 0, 0, 1, 1, 2, 2, 0])
    found = make_balance("class_weights", LABELS, 3).loss(logits, labels)
    expected = F.cross_entropy(logits, labels, weight=torch.tensor([10 / 18, 10 / 9, 10 / 3]))
    assert found == pytest.approx(expected)


def test_logit_adjustment_is_equation_10_of_menon_et_al():
    """-log(e^(f_y + log pi_y) / sum_k e^(f_k + log pi_k)), by hand for one image."""
    logits, shares = [1.0, 2.0, -1.0], [0.6, 0.3, 0.1]
    terms = [math.exp(f) * pi for f, pi in zip(logits, shares, strict=True)]
    found = make_balance("logit_adjustment", LABELS, 3).loss(
        torch.tensor([logits]), torch.tensor([2])
    )
    assert found.item() == pytest.approx(-math.log(terms[2] / sum(terms)))


@pytest.mark.parametrize(
    ("mechanism", "changes_loss", "changes_order"),
    [
        ("none", False, False),
        ("class_weights", True, False),
        ("logit_adjustment", True, False),
        ("balanced_sampling", False, True),
    ],
)
def test_each_mechanism_changes_one_thing(mechanism, changes_loss, changes_order):
    balance = make_balance(mechanism, LABELS, 3)
    assert (balance.loss is not F.cross_entropy) == changes_loss
    assert (balance.order is not shuffled) == changes_order


def test_an_unknown_mechanism_is_a_bug():
    with pytest.raises(AssertionError, match="focal"):
        make_balance("focal", LABELS, 3)
