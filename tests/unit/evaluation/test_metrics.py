import csv
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

from lradapt.evaluation.calibration import expected_calibration_error
from lradapt.evaluation.metrics import (
    compute_calibration,
    compute_metrics,
    compute_parity,
    confusion,
    write_confusion,
    write_predictions,
)

NAMES = ["ant", "bee", "cat"]
LABELS = np.array([0, 0, 0, 1, 1])
SAID = np.array([0, 0, 1, 1, 2])


def one_hot(output, sureness=0.8):
    """Probabilities whose most probable class is the given one."""
    rest = (1 - sureness) / (len(NAMES) - 1)
    return np.full((len(output), len(NAMES)), rest) + np.eye(len(NAMES))[output] * (sureness - rest)


def metrics(labels=LABELS, output=SAID):
    return compute_metrics(one_hot(output), np.array(labels), NAMES)


def test_the_figures_of_a_small_exam_are_those_counted_by_hand():
    found = metrics()
    assert found["images"] == 5
    assert found["accuracy"] == pytest.approx(3 / 5)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["macro_f1"] == pytest.approx((4 / 5 + 1 / 2) / 2)
    assert found["recall"] == {"ant": pytest.approx(2 / 3), "bee": 0.5, "cat": None}


def test_calibration_is_reported_with_and_without_the_temperature():
    logits = np.random.default_rng(0).normal(size=(5, 3)) * 3
    after, before = softmax(logits / 2, axis=1), softmax(logits, axis=1)
    found = compute_calibration(after, LABELS, temperature=2.0, num_bins=10)
    assert found["temperature"] == 2.0
    error = partial(expected_calibration_error, labels_N=LABELS, num_bins=10)
    assert found["after"] == pytest.approx(error(after))
    assert found["before"] == pytest.approx(error(before))
    assert 0 <= found["perfect"]["low"] < found["perfect"]["mean"] < found["perfect"]["high"] <= 1


def test_the_figures_are_plain_numbers_that_json_takes():
    found = metrics()
    kinds = {type(value) for value in (*found.values(), *found["recall"].values())}
    assert kinds == {int, float, dict, type(None)}


classes = st.integers(0, 2)


@pytest.mark.filterwarnings(
    "ignore::UserWarning"
)  # scikit-learn's, of classes predicted and absent
@settings(max_examples=30)
@given(st.lists(st.tuples(classes, classes), min_size=1, max_size=30))
def test_the_figures_are_those_of_scikit_learn(pairs):
    labels, output = map(np.array, zip(*pairs, strict=True))
    found = metrics(labels, output)
    present = np.unique(labels)
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, output))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, output))
    assert found["macro_f1"] == pytest.approx(
        f1_score(labels, output, labels=present, average="macro", zero_division=0)
    )


def test_parity_is_the_largest_difference_and_the_images_that_change_class():
    one = np.array([[0.6, 0.4], [0.5, 0.5], [0.1, 0.9]])
    other = np.array([[0.45, 0.55], [0.5, 0.5], [0.2, 0.8]])
    parity = compute_parity(one, other)
    assert (parity.max_difference, parity.num_other_class) == (pytest.approx(0.15), 1)


def test_parity_with_a_probability_that_is_no_number_does_not_pass():
    broken = np.array([[np.nan, 0.5]])
    assert not compute_parity(broken, np.array([[0.5, 0.5]])).max_difference <= 1


def test_the_confusion_matrix_has_a_row_a_true_class_and_keeps_absent_ones():
    assert confusion(one_hot(SAID), LABELS, NAMES).tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 0]]
    never_cat = np.array([0, 0, 1, 1, 1])
    assert confusion(one_hot(never_cat), LABELS, NAMES)[:, 2].tolist() == [0, 0, 0]


def test_the_confusion_table_reads_by_eye(tmp_path):
    path = tmp_path / "confusion.csv"
    write_confusion(path, confusion(one_hot(SAID), LABELS, NAMES), NAMES)
    assert path.read_text() == "true,ant,bee,cat\nant,2,1,0\nbee,0,1,1\ncat,0,0,0\n"


def test_predictions_have_a_line_an_image_with_every_probability(tmp_path):
    path = tmp_path / "predictions.csv"
    probabilities = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]], dtype=np.float32)
    write_predictions(path, ["a,1.png", "b.png"], probabilities, np.array([1, 2]), NAMES)
    lines = list(csv.reader(path.read_text().splitlines()))
    assert lines == [
        ["image", "label", "predicted", "p_ant", "p_bee", "p_cat"],
        ["a,1.png", "bee", "ant", "0.5", "0.25", "0.25"],
        ["b.png", "cat", "cat", "0.1", "0.2", "0.7"],
    ]
