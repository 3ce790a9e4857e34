"""`labels.csv`: which image bears which label, its group and, where given, its side.

| column | meaning |
|---|---|
| `image` | path below the images folder, with forward slashes |
| `label` | class name |
| `group` | optional: patient or lesion, whose images must not straddle the split; empty: its own |
| `side` | optional: `train`, `tune` or `validation`, a split to be kept |

Other columns and empty lines are left alone. Text is brought to Unicode's composed form (NFC), so
that one name has one spelling.
"""

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import TYPE_CHECKING

from lradapt.errors import DataError, listed
from lradapt.files import whole_file

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("train", "tune", "validation")
_REQUIRED = ("image", "label")
_COLUMNS = ("image", "label", "group", "side")


@dataclass(frozen=True, slots=True)
class Label:
    """One line of `labels.csv`; `group` and `side` are empty where not given."""

    image: str
    label: str
    group: str = ""
    side: str = ""


def read_csv(path: Path) -> "pd.DataFrame":
    """Any table of text: every cell a string in NFC without surrounding space, none of them NaN.

    Wholly empty lines are left out; line `i` of the file is row `i - 2` of the index.

    Raises:
        DataError: missing, empty, not comma-separated UTF-8 text, or two columns of one name.
    """
    import pandas as pd  # half a second, which no other command should wait

    no_table = (
        UnicodeDecodeError,
        pd.errors.ParserError,
        pd.errors.ParserWarning,
        pd.errors.EmptyDataError,
    )
    try:
        table = pd.read_csv(
            path,
            header=None,  # else a cell too many shifts the columns, a name twice goes unseen
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
            skip_blank_lines=False,
        )
    except FileNotFoundError:
        raise DataError(f"no file {path}") from None
    except no_table as error:
        raise DataError(
            f"{path} is not a table of comma-separated UTF-8 text ({str(error).strip()}); "
            "a spreadsheet must be saved as CSV first, a name with a comma stands in quotes"
        ) from None
    table = table.map(lambda cell: unicodedata.normalize("NFC", cell).strip())
    names = list(table.iloc[0])
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{path} has more than one column {', '.join(map(repr, twice))}; keep one")
    table = table.iloc[1:].set_axis(names, axis="columns").set_axis(range(len(table) - 1))
    table = table.loc[:, [name != "" for name in names]]
    return table[(table != "").any(axis="columns")]


def require_columns(table: "pd.DataFrame", columns: Iterable[str], path: Path) -> None:
    """Check that `table` has `columns`.

    Raises:
        DataError: some are missing; all of them are named, and the columns there are.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, missing))}; "
            f"its columns are {', '.join(map(repr, table.columns))}"
        )


def read_labels(path: Path) -> list[Label]:
    """The lines of `labels.csv`, checked.

    Raises:
        DataError: a missing column, an empty or unsafe cell, an image named twice; all faults of
            the file are named at once.
    """
    table = read_csv(path)
    require_columns(table, _REQUIRED, path)
    labels = [
        Label(*line) for line in table.reindex(columns=list(_COLUMNS), fill_value="").to_numpy()
    ]
    lines = [int(row) + 2 for row in table.index]
    faults = [*_cell_faults(lines, labels), *_repeat_faults(labels)]
    if faults:
        raise DataError(f"{path} has {len(faults)} fault(s):\n{listed(faults)}")
    return labels


def write_labels(path: Path, labels: Sequence[Label]) -> None:
    """Write `labels.csv`, sorted by image; `group` and `side` only where any line has one."""
    columns = [*_REQUIRED]
    columns += [c for c in ("group", "side") if any(getattr(label, c) for label in labels)]
    rows = [
        [getattr(label, column) for column in columns]
        for label in sorted(labels, key=lambda label: label.image)
    ]
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _cell_faults(lines: Sequence[int], labels: Sequence[Label]) -> list[str]:
    given = any(label.side for label in labels)
    faults = []
    for number, label in zip(lines, labels, strict=True):
        where = f"line {number} ({label.image or 'no image'})"
        if not label.image:
            faults.append(f"{where}: the image is empty; fill it in or remove the line")
        elif leads_outside(label.image):
            faults.append(f"{where}: leads outside the images folder; name a file in it")
        if not label.label:
            faults.append(f"{where}: the label is empty; fill it in or remove the line")
        if given and label.side not in SIDES:
            faults.append(f"{where}: side {label.side!r}, expected one of {', '.join(SIDES)}")
    return faults


def leads_outside(image: str) -> bool:
    """Whether a relative path, taken from the images folder, would leave it."""
    path = PurePosixPath(image.replace("\\", "/"))
    return path.is_absolute() or ".." in path.parts or PureWindowsPath(image).is_absolute()


def _repeat_faults(labels: Sequence[Label]) -> list[str]:
    counts = Counter(label.image for label in labels)
    named = defaultdict(list)
    for label in labels:
        if counts[label.image] > 1:
            named[label.image].append(label.label)
    return [
        f"{image} stands in {len(names)} lines, labelled {', '.join(sorted(set(names)))}; keep one"
        for image, names in named.items()
    ]
