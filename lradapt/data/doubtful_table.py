"""`doubtful_labels.csv`: the labels that are probably wrong, with the label that is proposed."""

import csv
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from lradapt.runtime.files import write_csv


@dataclass(frozen=True, slots=True)
class DoubtfulLabel:
    """One doubtful label.

    Attributes:
        image: path below the images folder.
        label: its present label.
        proposed: the label that is more probable.
        split: "train", "validation" or "test".
        label_probability: of the present label, in [0, 1].
        proposed_probability: of the proposed one.
        group: of the image; may be empty.
    """

    image: str
    label: str
    proposed: str
    split: str
    label_probability: float
    proposed_probability: float
    group: str


_COLUMNS = tuple(field.name for field in fields(DoubtfulLabel))
_NUMBERS = ("label_probability", "proposed_probability")


def write_doubtful(path: Path, rows: Iterable[DoubtfulLabel]) -> None:
    """Write the table in the order given: most doubtful first, test images after all others."""
    write_csv(path, _COLUMNS, map(astuple, rows))


def read_doubtful(path: Path) -> list[DoubtfulLabel]:
    """Read the table."""
    with path.open(encoding="utf-8", newline="") as file:
        lines: Iterable[dict[str, Any]] = csv.DictReader(file)
        return [
            DoubtfulLabel(**line | {name: float(line[name]) for name in _NUMBERS}) for line in lines
        ]
