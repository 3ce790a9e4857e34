"""`labels.csv`: the label of each image, its group and, where given, its split.

| column | meaning |
|---|---|
| `image` | path below the images folder, with forward slashes |
| `label` | class name |
| `group` | optional: patient or lesion, whose images stay in one split; empty: its own |
| `split` | optional: `train`, `validation` or `test`, a split to be kept |
| `queue` | optional: `chosen` or `random`, how `lradapt queue` has picked the image; see `split` |
| `annotator` | optional: who gives the label; an image may have a line of each annotator |

Other columns and empty lines are ignored. Text is normalised to Unicode's composed form (NFC), so
that one name has one spelling. A repeated line is read once, with a warning; lines of one image
that disagree are an error, unless annotators disagree on its label: see `consensus`.
"""

import csv
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from lradapt.data.consensus import merge_lines
from lradapt.data.label_faults import cell_faults
from lradapt.data.labelled_image import PICKS, Annotation, LabelledImage
from lradapt.errors import DataError, listed
from lradapt.runtime.files import write_csv

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_REQUIRED = ("image", "label")
_COLUMNS = ("image", "label", "group", "split")
_QUEUE, _ANNOTATOR = "queue", "annotator"
_HASH = re.compile(r"[0-9a-f]{64}\.")


def read_csv(path: Path) -> "pd.DataFrame":
    """Read a table of text: each cell is a string in NFC without surrounding space, never NaN.

    Empty lines are left out; line `i` of the file is row `i - 2` of the index.

    Raises:
        DataError: missing, empty, not comma-separated UTF-8 text, or two columns of one name.
    """
    return parse_csv(path, path, ",")


def parse_csv(source: Path | TextIO | BytesIO, path: Path, separator: str) -> "pd.DataFrame":
    """Parse a table as `read_csv` does.

    Args:
        source: the file, in UTF-8, its text, or its bytes.
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
        raise DataError(
            f"no file {path}; expected a CSV table. `lradapt import` makes a project's labels.csv"
        ) from error
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
    """Read and check `labels.csv`: an entry for each image, with the label of most annotators.

    Raises:
        DataError: a missing column, an empty or unsafe cell, lines of one image that disagree; the
            message names all faults of the file.
    """
    return _checked(read_csv(path), path)


def parse_labels(content: bytes, path: Path) -> list[LabelledImage]:
    """Read and check the content of a `labels.csv` as `read_labels` does.

    Args:
        content: of the file.
        path: of the file, for messages.

    Raises:
        DataError: as `read_labels`.
    """
    return _checked(parse_csv(BytesIO(content), path, ","), path)


def _checked(table: "pd.DataFrame", path: Path) -> list[LabelledImage]:
    require_columns(table, _REQUIRED, path)
    labels = list(_lines(table))
    numbers = [int(row) + 2 for row in table.index]
    places: dict[LabelledImage, str] = {}
    for number, label in zip(numbers, labels, strict=True):
        places.setdefault(label, f"line {number}")
    merged, disagreements = merge_lines(places)
    faults = [*cell_faults(numbers, labels), *disagreements]
    if faults:
        raise DataError(f"{path} has {len(faults)} fault(s):\n{listed(faults)}")
    if len(places) < len(labels):
        repeated = len(labels) - len(places)
        log.warning("%s repeats %d line(s); each is read once", path, repeated)
    return merged


def _lines(table: "pd.DataFrame") -> Iterator[LabelledImage]:
    """Yield the labelled image of each line; of one annotator, where there is the column."""
    annotated = _ANNOTATOR in table.columns
    columns = [*_COLUMNS, _QUEUE, _ANNOTATOR]
    cells = table.reindex(columns=columns, fill_value="").to_numpy()
    for image, label, group, split, queue, annotator in cells:
        annotations = (Annotation(annotator, label),) if annotated else ()
        yield LabelledImage(image, label, group, split, annotations=annotations, queue=queue)


def class_sizes(path: Path) -> Counter[str]:
    """Return class -> lines of `labels.csv`; other faults of the file are left to `read_labels`."""
    return Counter(line["label"] for line in _plain_lines(path) if line.get("label"))


def picks_of(path: Path) -> dict[str, str]:
    """Return file name -> cell of the column `queue`, of the recorded images of a `labels.csv`.

    Their names are hashes, so the folder does not matter. Faults are left to `read_labels`.
    """
    picks = {
        line.get("image", "").rpartition("/")[2]: line.get(_QUEUE, "")
        for line in _plain_lines(path)
    }
    return {name: pick for name, pick in picks.items() if pick in PICKS and _HASH.match(name)}


def _plain_lines(path: Path) -> Iterator[dict[str, str]]:
    """Yield column -> cell of each line, spelled as `read_csv` spells them, whatever the faults."""
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        lines = csv.reader(file, skipinitialspace=True)
        columns = [as_read(name) for name in next(lines, [])]
        for line in lines:
            yield dict(zip(columns, map(as_read, line), strict=False))


def write_labels(path: Path, labels: Sequence[LabelledImage]) -> None:
    """Write `labels.csv`, sorted by image, with a line for each annotator.

    `group`, `split`, `queue` and `annotator` are written only where any image has one; slices come
    last.
    """
    columns = [*_REQUIRED]
    columns += [c for c in ("group", "split", _QUEUE) if any(getattr(label, c) for label in labels)]
    annotated = any(label.annotations for label in labels)
    slices = list(dict.fromkeys(column for label in labels for column, _ in label.slices))
    rows = [
        [
            *(getattr(line, column) for column in columns),
            *([annotator] if annotated else []),
            *(dict(line.slices).get(column, "") for column in slices),
        ]
        for label in sorted(labels, key=lambda label: label.image)
        for line, annotator in _lines_of(label)
    ]
    write_csv(path, [*columns, *([_ANNOTATOR] if annotated else []), *slices], rows)


def _lines_of(label: LabelledImage) -> list[tuple[LabelledImage, str]]:
    """Return a line for each annotation of an image, with its annotator."""
    said = label.annotations
    return [(replace(label, label=a.label), a.annotator) for a in said] or [(label, "")]
