"""The shift of the classes: its test, and the estimated shares."""

import numpy as np
import pytest

from lradapt.drift.class_shift import compare_classes, estimate_shares


def answers(labels_N, random, accuracy=0.8, num_classes=3):
    """Probabilities of a model that is right so often, and sure of it."""
    wrong_N = (labels_N + 1) % num_classes
    predicted_N = np.where(random.random(len(labels_N)) < accuracy, labels_N, wrong_N)
    return np.float32(0.1 + 0.7 * np.eye(num_classes)[predicted_N])


def test_other_shares_are_seen_and_equal_ones_are_not():
    random = np.random.default_rng(0)
    usual_N = random.choice(3, 500, p=[0.7, 0.2, 0.1])
    same_M, other_M = (random.choice(3, 300, p=p) for p in ([0.7, 0.2, 0.1], [0.4, 0.2, 0.4]))
    p_values = [
        compare_classes(
            answers(usual_N, random), answers(each, random), num_permutations=999, random=random
        ).p_value
        for each in (same_M, other_M)
    ]
    assert p_values[0] > 0.05
    assert p_values[1] == 1 / 1000


def test_one_class_among_many_that_comes_more_often_is_seen():
    random = np.random.default_rng(2)
    usual_NK, other_MK = (random.random((300, 20)).astype(np.float32) for _ in range(2))
    other_MK[:, 7] += 0.12
    found = compare_classes(usual_NK, other_MK, num_permutations=999, random=random)
    assert found.p_value == 1 / 1000


def test_the_shares_of_the_true_classes_are_estimated_from_wrong_answers():
    random = np.random.default_rng(1)
    labels_N = random.choice(3, 20_000, p=[0.7, 0.2, 0.1])
    period_M = random.choice(3, 20_000, p=[0.3, 0.3, 0.4])
    found = estimate_shares(labels_N, answers(labels_N, random), answers(period_M, random))
    assert found == pytest.approx([0.3, 0.3, 0.4], abs=0.02)
    assert found.sum() == pytest.approx(1)


def test_a_class_without_reference_images_has_no_share_and_none_is_negative():
    probabilities = np.float32([[0.9, 0.1, 0], [0.2, 0.8, 0]])
    found = estimate_shares(np.array([0, 1]), probabilities, np.float32([[1, 0, 0]]))
    assert found.tolist() == [1, 0, 0]
