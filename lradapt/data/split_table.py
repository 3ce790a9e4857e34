"""`split.csv`: the images that take part, each with its row of pixels, label, group and side."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path

from lradapt.runtime.files import whole_file


@dataclass(frozen=True, slots=True)
class SplitRow:
    """One image that takes part.

    Attributes:
        row: of `pixels.npy` and of the activations.
        image: path below the images folder.
        label: class name.
        group: as given in `labels.csv`; may be empty.
        pixel_sha256: of the full-size pixels.
        split: "train", "validation" or "test".
    """

    row: int
    image: str
    label: str
    group: str
    pixel_sha256: str
    split: str


def write_split(path: Path, rows: Iterable[SplitRow]) -> None:
    """Write `split.csv`."""
    names = [field.name for field in fields(SplitRow)]
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(map(attrgetter(*names), rows))  # `astuple` copies: six times slower


def read_split(path: Path) -> list[SplitRow]:
    """The lines of a `split.csv`."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            SplitRow(
                int(line["row"]),
                line["image"],
                line["label"],
                line["group"],
                line["pixel_sha256"],
                line["split"],
            )
            for line in csv.DictReader(file)
        ]


def in_split(rows: Sequence[SplitRow], side: str) -> list[SplitRow]:
    """The rows of one split, in order."""
    return [row for row in rows if row.split == side]


def class_names(rows: Iterable[SplitRow]) -> list[str]:
    """The classes in alphabetical order: the order of a model's outputs."""
    return sorted({row.label for row in rows})
