import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import precision_recall_fscore_support

from lradapt.evaluation.metrics import write_confusion
from lradapt.reporting.class_figures import Cell, class_figures, confusion_rows, read_confusion

NAMES = ["NA", "bee", "cat"]
COUNTS = np.array([[3, 1, 0], [2, 4, 0], [0, 0, 0]])


@pytest.fixture
def counts(tmp_path):
    write_confusion(tmp_path / "confusion.csv", COUNTS, NAMES)
    return read_confusion(tmp_path / "confusion.csv")


def test_a_class_called_na_is_read_by_its_name(counts):
    assert (list(counts.index), list(counts.columns)) == (NAMES, NAMES)
    assert np.array_equal(counts.to_numpy(), COUNTS)


def test_the_figures_are_those_of_scikit_learn(counts):
    labels, predicted = np.repeat([0, 0, 1, 1], [3, 1, 2, 4]), np.repeat([0, 1, 0, 1], [3, 1, 2, 4])
    expected = precision_recall_fscore_support(labels, predicted)
    found = class_figures(counts, dict.fromkeys(NAMES))[:2]
    assert [each.images for each in found] == expected[3].tolist()
    for name, values in zip(("precision", "recall", "f1"), expected[:3], strict=True):
        assert [getattr(each, name) for each in found] == pytest.approx(values)


def test_undefined_figures_are_none(counts):
    last = class_figures(counts, dict.fromkeys(NAMES))[-1]
    assert (last.images, last.precision, last.recall, last.f1) == (0, None, None, None)


def test_cells_have_their_share_of_the_row(counts):
    rows = confusion_rows(counts)
    assert rows["NA"] == [Cell(3, 0.75, True), Cell(1, 0.25, False), Cell(0, 0.0, False)]
    assert rows["cat"] == [Cell(0, 0.0, False), Cell(0, 0.0, False), Cell(0, 0.0, True)]


def test_a_matrix_of_one_class_is_read(tmp_path):
    path = tmp_path / "confusion.csv"
    pd.DataFrame([[2]], pd.Index(["1"], name="true"), ["1"]).to_csv(path)
    assert confusion_rows(read_confusion(path)) == {"1": [Cell(2, 1.0, True)]}
