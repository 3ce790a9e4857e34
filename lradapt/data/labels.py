"""`labels.csv`: the label of each image, its group and, where given, its split.

| column | meaning |
|---|---|
| `image` | path below the images folder, with forward slashes |
| `label` | class name |
| `group` | optional: patient or lesion, whose images stay in one split; empty: its own |
| `split` | optional: `train`, `validation` or `test`, a split to be kept |

Other columns and empty lines are ignored. Text is normalised to Unicode's composed form (NFC), so
that one name has one spelling. A repeated line is read once, with a warning; lines of one image
that disagree are an error.
"""

import csv
import logging
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lradapt.data.labelled_image import SPLITS, LabelledImage
from lradapt.errors import DataError, listed
from lradapt.runtime.files import write_csv
from lradapt.text import printable, unsafe_letters

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_REQUIRED = ("image", "label")
_COLUMNS = ("image", "label", "group", "split")
_OUTSIDE = re.compile(r"/|[a-zA-Z]:/|(.*/)?\.\.(/|\Z)", re.DOTALL)


def read_csv(path: Path) -> "pd.DataFrame":
    """Read a table of text: each cell is a string in NFC without surrounding space, never NaN.

    Empty lines are left out; line `i` of the file is row `i - 2` of the index.

    Raises:
        DataError: missing, empty, not comma-separated UTF-8 text, or two columns of one name.
    """
    return parse_csv(path, path, ",")


def parse_csv(source: Path | TextIO, path: Path, separator: str) -> "pd.DataFrame":
    """Parse a table as `read_csv` does.

    Args:
        source: the file, in UTF-8, or its text.
        path: of the file, for messages.
        separator: between the cells of a line.

    Raises:
        DataError: as `read_csv`.
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
            source,
            sep=separator,
            header=None,  # else a cell too many shifts the columns, a name twice goes unseen
            dtype=str,
            keep_default_na=False,
            encoding="utf-8-sig",
            skipinitialspace=True,
            skip_blank_lines=False,
        )
    except FileNotFoundError as error:
        raise DataError(f"no file {path}") from error
    except no_table as error:
        raise not_a_table(path, error) from error
    table = table.map(as_read)
    names = list(table.iloc[0])
    twice = sorted({name for name in names if name and names.count(name) > 1})
    if twice:
        raise DataError(f"{path} has more than one column {', '.join(map(repr, twice))}; keep one")
    table = table.iloc[1:].set_axis(names, axis="columns").set_axis(range(len(table) - 1))
    table = table.loc[:, [name != "" for name in names]]
    return table[(table != "").any(axis="columns")]


def as_read(text: str) -> str:
    """Return a text as `read_csv` will return it once it is written."""
    return unicodedata.normalize("NFC", text).strip()


def not_a_table(path: Path, error: Exception) -> DataError:
    """Return the error for a file that is no table of text."""
    return DataError(
        f"{path} is not a table of comma-separated UTF-8 text ({str(error).strip()}); "
        "save a spreadsheet (Excel, OpenDocument) as CSV first, and put a name with a comma in "
        "quotes"
    )


def require_columns(table: "pd.DataFrame", columns: Iterable[str], path: Path) -> None:
    """Check that `table` has `columns`.

    Raises:
        DataError: some are missing; the message names them all, and the columns of the table.
    """
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, missing))}; "
            f"its columns are {', '.join(map(repr, table.columns))}"
        )


def read_labels(path: Path) -> list[LabelledImage]:
    """Read and check `labels.csv`; of equal lines the first.

    Raises:
        DataError: a missing column, an empty or unsafe cell, lines of one image that disagree; the
            message names all faults of the file.
    """
    table = read_csv(path)
    require_columns(table, _REQUIRED, path)
    labels = [
        LabelledImage(*line)
        for line in table.reindex(columns=list(_COLUMNS), fill_value="").to_numpy()
    ]
    lines = [int(row) + 2 for row in table.index]
    once: dict[LabelledImage, str] = {}
    for number, label in zip(lines, labels, strict=True):
        once.setdefault(label, f"line {number}")  # the first line wins
    faults = [*_cell_faults(lines, labels), *contradictions(once)]
    if faults:
        raise DataError(f"{path} has {len(faults)} fault(s):\n{listed(faults)}")
    if len(once) < len(labels):
        log.warning("%s repeats %d line(s); each is read once", path, len(labels) - len(once))
    return list(once)


def class_sizes(path: Path) -> Counter[str]:
    """Return class -> lines of `labels.csv`; other faults of the file are left to `read_labels`."""
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        return Counter(as_read(line["label"]) for line in csv.DictReader(file) if line.get("label"))


def write_labels(path: Path, labels: Sequence[LabelledImage]) -> None:
    """Write `labels.csv`, sorted by image; `group` and `split` only where any line has one."""
    columns = [*_REQUIRED]
    columns += [c for c in ("group", "split") if any(getattr(label, c) for label in labels)]
    rows = [
        [getattr(label, column) for column in columns]
        for label in sorted(labels, key=lambda label: label.image)
    ]
    write_csv(path, columns, rows)


def _cell_faults(lines: Sequence[int], labels: Sequence[LabelledImage]) -> list[str]:
    given = any(label.split for label in labels)
    faults = []
    for number, label in zip(lines, labels, strict=True):
        where = f"line {number} ({label.image or 'no image'})"
        if not label.image:
            faults.append(f"{where}: the image is empty; fill it in or remove the line")
        elif leads_outside(label.image):
            faults.append(f"{where}: the path leads outside the images folder; name a file in it")
        if not label.label:
            faults.append(f"{where}: the label is empty; fill it in or remove the line")
        elif fault := name_fault(label.label):
            faults.append(f"{where}: {fault}")
        if given and label.split not in SPLITS:
            faults.append(f"{where}: split {label.split!r}, expected one of {', '.join(SPLITS)}")
    return faults


@cache  # each name is in many lines
def name_fault(name: str) -> str:
    """Return what is wrong with the name of a class; "" for nothing."""
    if not (letters := unsafe_letters(name)):
        return ""
    return (
        f"the class name '{printable(name)}' has control characters ({', '.join(letters)}); "
        "rename the class"
    )


def leads_outside(image: str) -> bool:
    """Return whether a path relative to the images folder would leave it."""
    return _OUTSIDE.match(image.replace("\\", "/")) is not None


def contradictions(places: Mapping[LabelledImage, str]) -> list[str]:
    """Return a fault for each image whose lines disagree.

    Args:
        places: labelled image -> where it is first, such as "line 3", in the order of the file.
    """
    by_image: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for label in places:
        by_image[label.image].append(label)
    return [
        f"{image} is in lines that disagree: {_differences(labels, places)}; keep one"
        for image, labels in by_image.items()
        if image and len(labels) > 1
    ]


def _differences(labels: Sequence[LabelledImage], places: Mapping[LabelledImage, str]) -> str:
    columns = [c for c in _COLUMNS[1:] if len({getattr(label, c) for label in labels}) > 1]
    return ", ".join(
        f"{places[label]} " + " ".join(f"{c} {getattr(label, c)!r}" for c in columns)
        for label in labels
    )
