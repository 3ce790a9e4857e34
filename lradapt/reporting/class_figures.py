"""What an exam says of each class, and which classes are taken for which: from its counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """Of one class; shares are in [0, 1], and None where they have no meaning.

    Attributes:
        name: of the class.
        images: of the exam that are of it.
        precision: share of what is called so that is so; None where nothing is.
        recall: share of its images that are found; None without an image.
        interval: 95 % bounds of the recall.
        f1: the harmonic mean of both; None without an image.
    """

    name: str
    images: int
    precision: float | None
    recall: float | None
    interval: Sequence[float] | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Cell:
    """Of the confusion matrix: images of the row's class that are called the column's.

    Attributes:
        count: how many.
        share: of the row's images, in [0, 1]; 0 in an empty row.
        right: whether row and column are the same class.
    """

    count: int
    share: float
    right: bool


def read_confusion(path: Path) -> pd.DataFrame:
    """The counts: a row for each true class, a column for each that is said."""
    table = pd.read_csv(path, keep_default_na=False, dtype={"true": str})
    return table.set_index("true").astype(int)


def class_figures(counts: pd.DataFrame, intervals: Mapping[str, Any]) -> list[ClassFigures]:
    """The figures of each class, in the order of the matrix.

    Args:
        counts: of the exam.
        intervals: class -> bounds of its recall, or None.
    """
    matrix, names = counts.to_numpy(), [str(name) for name in counts.index]
    images, said, right = matrix.sum(axis=1), matrix.sum(axis=0), matrix.diagonal()
    return [
        ClassFigures(
            name,
            int(images[k]),
            _share(right[k], said[k]),
            _share(right[k], images[k]),
            intervals[name],
            _share(2 * right[k], images[k] + said[k]) if images[k] else None,
        )
        for k, name in enumerate(names)
    ]


def confusion_rows(counts: pd.DataFrame) -> dict[str, list[Cell]]:
    """Class -> a cell for each class that is said of its images."""
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
