"""A version of the data as its tables have it: labels, and where known pixel hashes and sides."""

import csv
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from lradapt.data.changes import Row, Version
from lradapt.data.labels import read_labels
from lradapt.errors import DataError


@dataclass(frozen=True, slots=True)
class Tables:
    """Where the tables of a version lie.

    Attributes:
        labels: a `labels.csv`.
        images: the `images.csv` of the stage `ingest`; None: the pixels are unknown.
        split: the `split.csv` of the stage `split`; None: the sides are those in `labels.csv`.
    """

    labels: Path
    images: Path | None = None
    split: Path | None = None


def read_version(tables: Tables) -> Version:
    """What the tables say.

    Raises:
        DataError: a table is missing, has faults or lacks a column.
    """
    labels = read_labels(tables.labels)
    pixels = _column(tables.images, "pixel_sha256")
    sides = _column(tables.split, "split")
    given = any(label.split for label in labels)
    if tables.split is None:
        sides = {label.image: label.split for label in labels}
    rows = {
        label.image: Row(
            label.label,
            label.group,
            label.split,
            pixels.get(label.image, ""),
            sides.get(label.image, ""),
        )
        for label in labels
    }
    return Version(
        rows,
        has_pixels=tables.images is not None,
        has_splits=tables.split is not None or given,
    )


def _column(path: Path | None, name: str) -> dict[str, str]:
    """Image -> cell; names in composed form, as in `labels.csv`. No `path`: empty."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            image, cell = header.index("image"), header.index(name)
            return {unicodedata.normalize("NFC", line[image]): line[cell] for line in lines}
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except (ValueError, IndexError, csv.Error):
        raise DataError(
            f"{path} is no table with the columns 'image' and {name!r} in every line; "
            "name one that a stage of dvc.yaml has made"
        ) from None
