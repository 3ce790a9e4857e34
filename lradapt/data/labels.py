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

import logging
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.data.labelled_image import SPLITS, LabelledImage
from lradapt.errors import DataError, listed
from lradapt.runtime.files import write_csv

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
    except FileNotFoundError as error:
        raise DataError(f"no file {path}") from error
    except no_table as error:
        raise DataError(
            f"{path} is not a table of comma-separated UTF-8 text ({str(error).strip()}); "
            "save a spreadsheet (Excel, OpenDocument) as CSV first, and put a name with a comma in "
            "quotes"
        ) from error
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
    once = dict(zip(reversed(labels), reversed(lines), strict=True))  # the first line wins
    faults = [*_cell_faults(lines, labels), *_contradictions(once)]
    if faults:
        raise DataError(f"{path} has {len(faults)} fault(s):\n{listed(faults)}")
    if len(once) < len(labels):
        log.warning("%s repeats %d line(s); each is read once", path, len(labels) - len(once))
    return list(reversed(once))


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
        if given and label.split not in SPLITS:
            faults.append(f"{where}: split {label.split!r}, expected one of {', '.join(SPLITS)}")
    return faults


def leads_outside(image: str) -> bool:
    """Return whether a path relative to the images folder would leave it."""
    return _OUTSIDE.match(image.replace("\\", "/")) is not None


def _contradictions(lines: Mapping[LabelledImage, int]) -> list[str]:
    by_image: defaultdict[str, list[LabelledImage]] = defaultdict(list)
    for label in sorted(lines, key=lines.__getitem__):
        by_image[label.image].append(label)
    return [
        f"{image} is in lines that disagree: {_differences(labels, lines)}; keep one"
        for image, labels in by_image.items()
        if image and len(labels) > 1
    ]


def _differences(labels: Sequence[LabelledImage], lines: Mapping[LabelledImage, int]) -> str:
    columns = [c for c in _COLUMNS[1:] if len({getattr(label, c) for label in labels}) > 1]
    return ", ".join(
        f"line {lines[label]} " + " ".join(f"{c} {getattr(label, c)!r}" for c in columns)
        for label in labels
    )
