import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from lradapt.evaluation.intervals import (
    macro_f1_interval,
    mean_interval,
    metric_intervals,
    share_interval,
)


def hits(right, wrong):
    return np.array([True] * right + [False] * wrong)


@pytest.mark.parametrize(("right", "wrong"), [(5, 0), (0, 5), (29, 1), (70, 30)])
def test_without_groups_a_share_has_wilsons_interval(right, wrong):
    found = share_interval(hits(right, wrong), np.arange(right + wrong))
    expected = binomtest(right, right + wrong).proportion_ci(method="wilson")
    assert found == pytest.approx((expected.low, expected.high))


def test_images_of_a_group_that_are_all_alike_count_as_one():
    alone = share_interval(hits(3, 2), np.arange(5))
    of_four = share_interval(np.repeat(hits(3, 2), 4), np.repeat(np.arange(5), 4))
    assert of_four == pytest.approx(alone, abs=1e-6)


def test_a_group_with_all_hits_counts_as_one_image_where_nothing_is_wrong():
    expected = share_interval(hits(5, 0), np.arange(5))
    assert share_interval(hits(20, 0), np.repeat(np.arange(5), 4)) == expected


def test_groups_whose_images_differ_as_much_as_strangers_widen_nothing():
    mixed = np.tile([True, False], 20)
    alone = share_interval(mixed, np.arange(40))
    assert share_interval(mixed, np.repeat(np.arange(10), 4)) == alone


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=1, max_size=40))
def test_an_interval_holds_its_share_and_groups_never_narrow_it(images):
    right, groups = (np.array(column) for column in zip(*images, strict=True))
    low, high = share_interval(right, groups)
    assert 0 <= low <= right.mean() + 1e-9
    assert right.mean() - 1e-9 <= high <= 1
    low_alone, high_alone = share_interval(right, np.arange(len(right)))
    assert high - low >= high_alone - low_alone - 1e-9


def test_the_mean_of_two_shares_is_known_better_than_each_of_them():
    found = mean_interval([0.5, 0.7], [(0.4, 0.6), (0.6, 0.9)])
    assert found == pytest.approx((0.6 - 0.02**0.5 / 2, 0.6 + 0.05**0.5 / 2))


def random_answers(seed=0, size=300):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, size)
    predicted = np.where(random.random(size) < 0.8, labels, random.integers(0, 3, size))
    return labels, predicted


def test_the_interval_of_macro_f1_is_that_of_plain_resampling():
    labels, predicted = random_answers()
    random = np.random.default_rng(1)
    drawn = [random.integers(0, 300, 300) for _ in range(400)]
    low, high = np.quantile(
        [f1_score(labels[rows], predicted[rows], average="macro") for rows in drawn], [0.025, 0.975]
    )
    found = macro_f1_interval(labels, predicted, np.arange(300))
    assert found == pytest.approx((low, high), abs=0.012)


def test_copies_of_one_group_do_not_narrow_the_interval_of_macro_f1():
    labels, predicted = random_answers()
    once = macro_f1_interval(labels, predicted, np.arange(300))
    copied = (np.repeat(each, 4) for each in (labels, predicted, np.arange(300)))
    found = macro_f1_interval(*copied)
    assert found == pytest.approx(once, abs=1e-6)


def test_a_class_without_an_image_has_no_interval_and_counts_for_nothing():
    labels, predicted = np.array([0, 0, 2, 2]), np.array([0, 0, 2, 1])
    found = metric_intervals(labels, predicted, np.arange(4), ["a", "b", "c"])
    assert found["recall"]["b"] is None
    assert found["recall"]["c"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    without = metric_intervals(labels // 2, np.array([0, 0, 1, 0]), np.arange(4), ["a", "c"])
    assert found["balanced_accuracy"] == without["balanced_accuracy"]


def test_a_test_set_without_a_mistake_has_no_interval_of_zero_width():
    labels = np.repeat([0, 1], 15)
    found = metric_intervals(labels, labels, np.arange(30), ["a", "b"])
    assert found["accuracy"] == pytest.approx([0.8865, 1], abs=1e-4)
    assert found["balanced_accuracy"][0] == pytest.approx(0.8559, abs=1e-3)
    assert found["macro_f1"] == [1, 1]


def drawn_answers(recalls, sizes, random, *, group_size, correlation):
    """Labels, answers and groups, whose images are right together as often as that."""
    labels, predicted, groups = [], [], []
    for k, (recall, size) in enumerate(zip(recalls, sizes, strict=True)):
        count = size // group_size
        chances = np.full(count, recall)
        if correlation:
            spread = 1 / correlation - 1
            chances = random.beta(recall * spread, (1 - recall) * spread, count)
        right = (random.random((count, group_size)) < chances[:, None]).ravel()
        other = (k + 1 + random.integers(0, len(sizes) - 1, len(right))) % len(sizes)
        labels += [k] * len(right)
        predicted += np.where(right, k, other).tolist()
        groups += (len(groups) + np.repeat(np.arange(count), group_size)).tolist()
    return np.array(labels), np.array(predicted), np.array(groups)


# docs/method.md has the same for macro-F1 and the recalls too.
@pytest.mark.slow
@pytest.mark.parametrize(("group_size", "correlation"), [(1, 0), (2, 0.5)])
def test_nine_in_ten_intervals_of_drawn_answers_hold_the_truth(group_size, correlation):
    recalls = np.array([0.95, 0.8, 0.75, 0.7, 0.6, 0.9, 0.7])
    sizes = [1116, 186, 182, 86, 54, 24, 20]
    random = np.random.default_rng(0)
    how = {"group_size": group_size, "correlation": correlation}
    truth = np.array([np.average(recalls, weights=sizes), recalls.mean()])
    held = []
    for _ in range(300):
        labels, predicted, groups = drawn_answers(recalls, sizes, random, **how)
        right, own = labels == predicted, [labels == k for k in range(len(sizes))]
        each = [share_interval(right[rows], groups[rows]) for rows in own]
        mean = mean_interval([float(right[rows].mean()) for rows in own], each)
        bounds = np.array([share_interval(right, groups), mean])
        held.append((bounds[:, 0] <= truth) & (truth <= bounds[:, 1]))
    assert np.mean(held, axis=0).min() > 0.9
