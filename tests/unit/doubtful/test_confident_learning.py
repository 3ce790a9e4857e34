"""Labels that are probably wrong, on probabilities that a reader can check."""

import numpy as np
import pytest

from lradapt.doubtful.confident_learning import class_thresholds, find_doubts

EASY = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.4, 0.6]], dtype=np.float32)


def doubts(probabilities, labels, thresholds=None):
    probabilities, labels = np.array(probabilities, dtype=np.float32), np.array(labels)
    if thresholds is None:
        thresholds = class_thresholds(probabilities, labels)
    found = find_doubts(probabilities, labels, np.array(thresholds, dtype=np.float32))
    return found.rows.tolist(), found.proposed.tolist(), int(found.confident.sum())


def test_the_threshold_of_a_class_is_the_mean_confidence_of_its_own_images():
    thresholds = class_thresholds(EASY, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(thresholds, [0.8, 0.7], rtol=1e-6)


def test_a_class_without_images_has_the_highest_threshold():
    assert class_thresholds(EASY, np.array([0, 0, 0, 0]))[1] == 1


def test_no_label_is_doubtful_where_each_is_the_most_probable_class():
    assert doubts(EASY, [0, 0, 1, 1]) == ([], [], 0)


def test_the_less_probable_label_is_the_more_doubtful_one():
    probabilities = [[0.6, 0.4], [0.95, 0.05], [0.1, 0.9], [0.8, 0.2]]
    assert doubts(probabilities, [1, 1, 1, 1], [0.5, 0.5]) == ([1, 3, 0], [0, 0, 0], 3)


def test_the_most_probable_class_is_proposed():
    rows, proposed, _ = doubts([[0.1, 0.3, 0.6], [0.1, 0.6, 0.3]], [0, 0], [0.5, 0.5, 0.5])
    assert dict(zip(rows, proposed, strict=True)) == {0: 2, 1: 1}


def test_a_tie_is_no_doubt():
    assert doubts([[0.5, 0.5]], [1], [0.5, 0.5]) == ([], [], 0)


def test_only_images_at_the_threshold_of_the_proposed_class_are_confident():
    probabilities = [[0.6, 0.4], [0.7, 0.3], [0.8, 0.2]]
    assert doubts(probabilities, [1, 1, 1], [0.7, 0.1])[2] == 2


def test_of_equal_probabilities_the_class_that_is_often_missed_is_proposed_first():
    probabilities = [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]]
    assert doubts(probabilities, [2, 2], [0.9, 0.3, 0.5])[0] == [1, 0]


def test_the_last_thousandths_of_a_probability_do_not_decide():
    probabilities = [[0.51, 0.489, 0.001], [0.9, 0.095, 0.005]]
    assert doubts(probabilities, [2, 2], [0.5, 0.5, 0.5])[0] == [1, 0]


def test_no_image_has_no_doubt():
    assert doubts(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), [1, 1, 1]) == ([], [], 0)


def test_the_confident_labels_are_those_of_cleanlab():
    filters = pytest.importorskip("cleanlab.filter", reason="cleanlab is not installed")
    random = np.random.default_rng(0)
    labels = np.arange(600) % 4
    logits = random.normal(size=(600, 4)) * 1.5 + 2 * np.eye(4)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels[:60] = (labels[:60] + 1) % 4
    theirs = filters.find_label_issues(
        labels, probabilities, filter_by="confident_learning", n_jobs=1
    )
    rows, proposed, num_confident = doubts(probabilities, labels)
    thresholds = class_thresholds(probabilities.astype(np.float32), labels)
    ours = [
        row
        for row, name in zip(rows, proposed, strict=True)
        if probabilities[row, name] >= thresholds[name]
    ]
    assert len(ours) == num_confident > 40
    # Theirs also has images whose most probable class is below its threshold, where another is not.
    assert set(ours) <= set(np.flatnonzero(theirs))
    assert num_confident >= 0.95 * theirs.sum()
