"""Slices of the images: further columns of `labels.csv`, such as site, camera or skin type.

They change no training. Results are shown, and can be required, for each of their values.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.data.labels import read_csv
from lradapt.errors import DataError, listed

if TYPE_CHECKING:
    import pandas as pd

RESERVED = ("image", "label", "group", "split", "queue", "annotator")
"""Columns of `labels.csv` with a meaning of their own."""

Slices = Mapping[str, Sequence[str]]
"""Column -> its value for each image, in the order of the images; "" where none is known."""


def read_slices(labels: Path, columns: Sequence[str], images: Sequence[str]) -> Slices:
    """Return the values of `columns` for each image.

    Args:
        labels: `labels.csv`; it is not read where no column is asked for.
        columns: of the table.
        images: as in its column `image`; one that it lacks has no value.

    Raises:
        DataError: a column is missing, or lines of one image have different values; the message
            names all of them.
    """
    if not columns:
        return {}
    table = read_csv(labels)
    _require_slices(table, columns, labels)
    values = {column: dict(_known(table, column)) for column in columns}
    faults = [fault for column in columns for fault in _contradictions(table, column)]
    if faults:
        raise DataError(
            f"{labels} has more than one value for an image, expected one in all of its lines:\n"
            f"{listed(faults)}"
        )
    return {column: [of.get(image, "") for image in images] for column, of in values.items()}


def _require_slices(table: "pd.DataFrame", columns: Iterable[str], labels: Path) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        further = [name for name in table.columns if name not in RESERVED]
        raise DataError(
            f"{labels} has no column {', '.join(map(repr, missing))}, which evaluate.slices or "
            "gate.min_recall_in of params.yaml names; its further columns are "
            f"{', '.join(map(repr, further)) or 'none'}. Add the column, or remove the name"
        )


def _known(table: "pd.DataFrame", column: str) -> Iterable[tuple[str, str]]:
    """Yield image and value of each line that has a value."""
    pairs = zip(table["image"], table[column], strict=True)
    return ((image, value) for image, value in pairs if value)


def _contradictions(table: "pd.DataFrame", column: str) -> list[str]:
    found: dict[str, set[str]] = {}
    for image, value in _known(table, column):
        found.setdefault(image, set()).add(value)
    return [
        f"{image}: {column} {', '.join(map(repr, sorted(values)))}"
        for image, values in found.items()
        if len(values) > 1
    ]
