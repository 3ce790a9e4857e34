import json
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from lradapt.errors import TrainingError
from lradapt.training.exact_head import DEFAULT_PENALTY, PENALTIES, held_out_loss, solve_head
from lradapt.training.imbalance import log_shares
from lradapt.training.penalty_search import LEAST_FALL


def clouds(count=300, num_features=12, num_classes=3, *, seed=0, spread=2.0):
    """Features around a centre for each class, on scales from 0.001 to 1000, and the classes."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % num_classes
    centres = np.random.default_rng(9).normal(size=(num_classes, num_features))
    features = centres[labels] + spread * random.normal(size=(count, num_features))
    features = features @ np.random.default_rng(8).normal(size=(num_features, num_features))
    features = features * np.geomspace(1e-3, 1e3, num_features) + 5
    return torch.tensor(features, dtype=torch.float32), torch.tensor(labels)


def reference(features, labels, penalty, *, class_weight=None):
    """scikit-learn's solution on scaled features, as one layer on the features themselves."""
    mean, variance = features.double().mean(0).numpy(), features.double().numpy().var(0)
    scale = np.sqrt(variance + np.median(variance))
    model = LogisticRegression(
        C=1 / (penalty * len(labels)), tol=1e-9, max_iter=10_000, class_weight=class_weight
    )
    model.fit((features.double().numpy() - mean) / scale, labels)
    weight, bias = model.coef_, model.intercept_
    if len(weight) == 1:  # two classes: scikit-learn has one logit, whose penalty is twice as dear
        weight, bias = np.vstack([-weight, weight]) / 2, np.array([-bias[0], bias[0]]) / 2
    return weight / scale, bias - weight @ (mean / scale), scale


def assert_same(head, weight, scale):
    """The weights of the scaled features, up to what the softmax cannot see: the mean."""
    found, expected = head.weight.numpy() * scale, weight * scale
    np.testing.assert_allclose(found - found.mean(0), expected - expected.mean(0), atol=1e-3)


@pytest.mark.parametrize("penalty", [1.0, 0.1, 0.003])
def test_the_head_is_the_solution_of_scikit_learn(penalty):
    features, labels = clouds()
    head = solve_head(features, labels, penalties=[penalty])
    weight, bias, scale = reference(features, labels, penalty)
    assert_same(head, weight, scale)
    logits, expected = features @ head.weight.T + head.bias, features.numpy() @ weight.T + bias
    probabilities = torch.tensor(expected).softmax(1)
    torch.testing.assert_close(logits.double().softmax(1), probabilities, atol=1e-3, rtol=0)


def test_two_classes_have_the_solution_of_scikit_learn():
    features, labels = clouds(num_classes=2)
    head = solve_head(features, labels, penalties=[0.1])
    weight, _, scale = reference(features, labels, 0.05)
    assert_same(head, weight, scale)


def test_more_features_than_images_have_the_solution_of_scikit_learn():
    features, labels = clouds(40, 100)
    head = solve_head(features, labels, penalties=[0.1])
    weight, _, scale = reference(features, labels, 0.1)
    assert_same(head, weight, scale)


@pytest.mark.parametrize("mechanism", ["class_weights", "balanced_sampling"])
def test_rare_classes_count_as_much_as_in_scikit_learns_balanced_weights(mechanism):
    features, labels = clouds()
    labels = (labels == 0).long() * (torch.arange(300) < 60)
    head = solve_head(features, labels, penalties=[0.1], imbalance=mechanism)
    weight, _, scale = reference(features, labels, 0.05, class_weight="balanced")
    assert_same(head, weight, scale)


def test_logit_adjustment_is_the_minimum_of_the_adjusted_loss():
    features, labels = clouds()
    features, labels = (features - features.mean(0)) / features.std(0, correction=0), labels % 2
    head = solve_head(features, labels, penalties=[0.1], imbalance="logit_adjustment").linear()
    shares = log_shares(labels, 2)
    assert shares[0] > shares[1] + 0.5
    loss = torch.nn.functional.cross_entropy(head(features) + shares, labels)
    loss = loss + 0.05 * 2 * (head.weight**2).sum()  # each divisor is the root of 1 + 1
    for slope in torch.autograd.grad(loss, [head.weight, head.bias]):
        assert slope.abs().max() < 1e-4


def test_adjusted_logits_decide_what_held_out_images_are():
    features, labels = clouds(spread=2.0)
    kept = (labels > 0) | (torch.arange(300) < 60)
    features, labels = features[kept], labels[kept]
    features = (features - features.mean(0)) / features.std(0)
    plain = solve_head(features, labels, penalties=[0.1, 0.01])
    adjusted = solve_head(features, labels, penalties=[0.1, 0.01], imbalance="logit_adjustment")
    assert adjusted.tried[0].loss == plain.tried[0].loss
    assert adjusted.tried[0].balanced_accuracy > plain.tried[0].balanced_accuracy + 0.1


def test_the_penalty_is_the_one_with_the_lowest_held_out_loss():
    features, labels = clouds(num_features=60, spread=4.0)
    head = solve_head(features, labels)
    losses = [one.loss for one in head.tried]
    assert [one.penalty for one in head.tried] == list(PENALTIES[: len(losses)])
    assert 2 < len(losses) < len(PENALTIES)
    falls = [1 - after / before for before, after in pairwise(losses)]
    assert min(falls[:-1]) >= LEAST_FALL > falls[-1]
    assert head.penalty == head.tried[losses.index(min(losses))].penalty
    assert (head.num_folds, head.note) == (3, "")


def test_the_held_out_loss_is_that_of_images_never_seen():
    features, labels = clouds(num_features=60, spread=4.0)
    head = solve_head(features, labels)
    others, truth = clouds(6000, 60, spread=4.0, seed=1)
    loss = torch.nn.functional.cross_entropy(head.linear()(others), truth).item()
    held_out = min(one.loss for one in head.tried)
    assert abs(held_out - loss) < 0.1
    assert head.training_loss < loss - 0.1, "too easy to tell held-out images from others"


def test_images_of_one_group_are_never_held_out_from_each_other():
    """Each image is there twice, with a label by chance: only its other copy knows it."""
    random = np.random.default_rng(0)
    features = torch.tensor(np.repeat(random.normal(size=(60, 100)), 2, 0), dtype=torch.float32)
    labels = torch.tensor(np.repeat(random.integers(0, 2, 60), 2))
    groups = [number // 2 for number in range(120)]
    apart = solve_head(features, labels, groups=groups)
    leaking = solve_head(features, labels)
    assert max(one.accuracy for one in apart.tried) < 0.7
    assert max(one.accuracy for one in leaking.tried) > 0.9


def test_views_of_an_image_are_rows_of_one_group():
    random = np.random.default_rng(0)
    once = torch.tensor(random.normal(size=(60, 1, 100)), dtype=torch.float32)
    labels = torch.tensor(random.integers(0, 2, 60))
    head = solve_head(once.expand(60, 3, 100), labels)
    assert max(one.accuracy for one in head.tried) < 0.7
    torch.testing.assert_close(head.weight, solve_head(once, labels).weight, atol=1e-3, rtol=0)


def test_only_clean_views_are_scored():
    features, labels = clouds()
    noise = torch.randn(features.shape, generator=torch.Generator().manual_seed(0))
    noisy = features + 3 * features.std(0) * noise
    first, last = (
        solve_head(torch.stack(views, 1), labels, penalties=[0.01, 0.003])
        for views in ((features, noisy), (noisy, features))
    )
    assert first.tried[0].accuracy > last.tried[0].accuracy + 0.1


def test_a_class_whose_only_group_is_held_out_does_not_count():
    features, labels = clouds()
    labels, groups = labels.clone(), list(range(300))
    labels[:5], groups[:5] = 3, [1000] * 5
    head = solve_head(features, labels, groups=groups)
    without = solve_head(features[5:], labels[5:], groups=groups[5:])
    assert head.tried[-1].loss == pytest.approx(without.tried[-1].loss, abs=0.1)
    assert head.weight.shape == (4, 12)


@pytest.mark.parametrize("imbalance", ["none", "class_weights", "logit_adjustment"])
def test_a_class_without_an_image_is_unlikely_and_has_no_weight(imbalance):
    features, labels = clouds()
    head = solve_head(features, labels, num_classes=5, imbalance=imbalance)
    assert not head.weight[3:].any()
    shares = head.linear()(features).softmax(1)[:, 3:]
    assert 0 < shares.max() < 0.05


def test_one_group_has_the_default_penalty_and_says_why(caplog):
    features, labels = clouds()
    head = solve_head(features, labels, groups=[7] * 300)
    assert (head.penalty, head.tried, head.num_folds) == (DEFAULT_PENALTY, (), 0)
    assert "too few groups" in head.note
    assert head.note in caplog.text


@pytest.mark.parametrize("num_classes", [3, 4])
def test_one_group_for_each_class_has_the_default_penalty_and_a_record(num_classes):
    features, labels = clouds(num_classes=num_classes)
    head = solve_head(features, labels, groups=labels.tolist())
    assert (head.penalty, head.tried, head.num_folds) == (DEFAULT_PENALTY, (), 0)
    assert "too few groups" in head.note
    json.dumps(head.record(), allow_nan=False)


def test_two_groups_of_all_classes_are_two_folds():
    features, labels = clouds()
    head = solve_head(features, labels, groups=[number // 150 for number in range(300)])
    assert head.num_folds == 2


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_a_handful_of_images_gives_a_head(count):
    features, labels = clouds(count)
    head = solve_head(features, labels, num_classes=3)
    assert head.weight.isfinite().all()
    assert head.bias.isfinite().all()
    assert (head.linear()(features).argmax(1) == labels).all()


def test_a_constant_feature_has_no_weight():
    features, labels = clouds()
    nearly = torch.full((300, 1), 12345.0)
    nearly[0] = torch.nextafter(nearly[0], torch.tensor(0.0))  # rounding alone
    zeros, ones = torch.zeros(300, 1), torch.full((300, 1), 0.1)
    head = solve_head(torch.cat([features, zeros, ones, nearly], 1), labels, penalties=[0.1])
    assert not head.weight[:, 12:].any()
    without = solve_head(features, labels, penalties=[0.1])
    torch.testing.assert_close(head.weight[:, :12], without.weight, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(value):
    features, labels = clouds()
    features[3, 2] = features[3, 4] = features[5, 1] = value
    with pytest.raises(TrainingError, match="the features of 2 of 300 images are not finite"):
        solve_head(features, labels)


def test_no_image_and_missing_labels_are_refused():
    features, labels = clouds()
    with pytest.raises(TrainingError, match="needs training images, found none"):
        solve_head(features[:0], labels[:0])
    with pytest.raises(TrainingError, match="300 images have features, and 200 labels"):
        solve_head(features, labels[:200])


def test_the_same_inputs_give_the_same_bits():
    one, other = (solve_head(*clouds()) for _ in range(2))
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)
    assert one.record() == other.record()


def test_a_stronger_penalty_gives_a_smaller_head():
    features, labels = clouds()
    heads = [solve_head(features, labels, penalties=[each]) for each in (10.0, 1.0, 0.1)]
    scale = features.std(0)
    norms = [float((head.weight * scale).norm()) for head in heads]
    assert norms == sorted(norms)
    assert norms[0] < norms[-1] / 5


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-6, 1e6), st.floats(-100, 100))
def test_the_unit_and_the_origin_of_the_features_change_nothing(factor, shift):
    features, labels = clouds(60)
    spread = features.std(0)
    moved = (features + shift * spread) * factor
    one, other = (solve_head(each, labels, penalties=[0.1]) for each in (features, moved))
    weights = one.weight * spread, other.weight * factor * spread
    torch.testing.assert_close(*weights, atol=2e-3, rtol=0)
    logits = one.linear()(features), other.linear()(moved)
    torch.testing.assert_close(*[each.softmax(1) for each in logits], atol=2e-3, rtol=0)


def test_a_feature_that_hardly_varies_has_no_larger_weight_than_the_others():
    features, labels = clouds()
    features = (features - features.mean(0)) / features.std(0)
    as_large = solve_head(features, labels, penalties=[0.1]).weight
    features[:, 0] *= 1e-3
    head = solve_head(features, labels, penalties=[0.1])
    assert as_large[:, 0].abs().max() > 0.1, "the feature tells nothing about the class"
    assert head.weight[:, 0].abs().max() < as_large[:, 0].abs().max()


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(60)))
def test_the_order_of_the_images_changes_nothing_beyond_rounding(order):
    features, labels = clouds(60)
    groups = [number // 2 for number in range(60)]
    one = solve_head(features, labels, groups=groups)
    other = solve_head(features[order], labels[order], groups=[groups[number] for number in order])
    assert [tried.penalty for tried in one.tried] == [tried.penalty for tried in other.tried]
    losses = [[tried.loss for tried in head.tried] for head in (one, other)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-3)
    scale = features.std(0)
    torch.testing.assert_close(one.weight * scale, other.weight * scale, atol=2e-3, rtol=0)


def test_the_held_out_loss_is_that_of_the_cross_validation_at_the_default_penalty():
    features, labels = clouds(120)
    groups = [number // 2 for number in range(120)]
    head = solve_head(features, labels, groups=groups, penalties=[DEFAULT_PENALTY, 1e-4])
    assert held_out_loss(features, labels, groups) == head.tried[0].loss


def test_there_is_no_held_out_loss_of_classes_with_one_group_each():
    features, labels = clouds(60)
    assert held_out_loss(features, labels, labels.tolist()) is None
