"""Precision, recall and F1 of each class, and the cells of the confusion matrix."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lradapt.text import from_table_cell


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """The figures of one class on the test set; shares are in [0, 1], and None if undefined.

    Attributes:
        name: of the class.
        images: of the class in the test set.
        precision: share of correct predictions of this class; None if it is never predicted.
        recall: share of its images that are predicted as this class; None without an image.
        interval: 95 % bounds of the recall.
        f1: harmonic mean of precision and recall; None without an image.
    """

    name: str
    images: int
    precision: float | None
    recall: float | None
    interval: Sequence[float] | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the confusion matrix: images of the row's class predicted as the column's.

    Attributes:
        count: number of images.
        share: of the row's images, in [0, 1]; 0 in an empty row.
        correct: whether row and column are the same class.
    """

    count: int
    share: float
    correct: bool


def read_confusion(path: Path) -> pd.DataFrame:
    """Read the counts: a row for each true class, a column for each predicted class."""
    table = pd.read_csv(path, keep_default_na=False, dtype={"true": str})
    counts = table.set_index("true").astype(int)
    return counts.rename(index=from_table_cell, columns=from_table_cell)


def class_figures(counts: pd.DataFrame, intervals: Mapping[str, Any]) -> list[ClassFigures]:
    """Return the figures of each class, in the order of the matrix."""
    matrix, names = counts.to_numpy(), [str(name) for name in counts.index]
    images, predicted, correct = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    return [
        ClassFigures(
            name,
            int(images[k]),
            _share(correct[k], predicted[k]),
            _share(correct[k], images[k]),
            intervals[name],
            _share(2 * correct[k], images[k] + predicted[k]) if images[k] else None,
        )
        for k, name in enumerate(names)
    ]


def confusion_rows(counts: pd.DataFrame) -> dict[str, list[Cell]]:
    """Return the row of each true class: a cell for each predicted class."""
    return {
        str(name): [
            Cell(count, count / max(1, sum(row)), column == number)
            for column, count in enumerate(row)
        ]
        for number, (name, row) in enumerate(
            zip(counts.index, counts.to_numpy().tolist(), strict=True)
        )
    }


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
