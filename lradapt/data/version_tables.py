"""A version of the data, read from its tables: labels, and where known pixel hashes and splits."""

import csv
import unicodedata
from dataclasses import dataclass, replace
from pathlib import Path

from lradapt.data.changes import Version
from lradapt.data.labels import read_labels
from lradapt.errors import DataError


@dataclass(frozen=True, slots=True)
class Tables:
    """The paths of a version's tables.

    Attributes:
        labels: a `labels.csv`.
        images: the `images.csv` of the stage `ingest`; None: the pixels are unknown.
        split: the `split.csv` of the stage `split`; None: the splits are those in `labels.csv`.
    """

    labels: Path
    images: Path | None = None
    split: Path | None = None


def read_version(tables: Tables) -> Version:
    """Read the tables of a version.

    Raises:
        DataError: a table is missing, has faults or lacks a column.
    """
    labels = read_labels(tables.labels)
    pixels = _column(tables.images, "pixel_sha256")
    given = {label.image: label.split for label in labels if label.split}
    assigned = _column(tables.split, "split") if tables.split else given
    images = {each.image: replace(each, pixel_sha256=pixels.get(each.image, "")) for each in labels}
    return Version(
        images,
        {image: split for image, split in assigned.items() if image in images},
        has_pixels=tables.images is not None,
        has_splits=tables.split is not None or bool(given),
    )


def _column(path: Path | None, name: str) -> dict[str, str]:
    """Return image -> cell; names in composed form, as in `labels.csv`. No `path`: empty."""
    if path is None:
        return {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            image, cell = header.index("image"), header.index(name)
            return {unicodedata.normalize("NFC", line[image]): line[cell] for line in lines}
    except FileNotFoundError as error:
        raise DataError(
            f"no file {path}; expected a table that a stage of dvc.yaml has made"
        ) from error
    except (ValueError, IndexError, csv.Error) as error:
        raise DataError(
            f"{path} is no table with the columns 'image' and {name!r} in every line; "
            "give one that a stage of dvc.yaml has made"
        ) from error
