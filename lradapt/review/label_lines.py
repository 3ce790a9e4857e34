"""`labels.csv` as the lines of its text, so that one cell changes and every other byte stays.

`read_labels` gives the values of the file; this module keeps its text: order, further columns,
spaces, quotation marks, line ends. A value is a line; an edit returns a new one.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lradapt.data.consensus import majority
from lradapt.data.labels import as_read, not_a_table
from lradapt.errors import DataError

_BYTE_ORDER_MARK = "\ufeff"
_CELL = re.compile(r' *"(?:[^"]|"")*"[^,]*|[^,]*')
_NEEDS_QUOTES = re.compile(r'[",\r\n]|^\s|\s$')
_NAMES = ("image", "label", "group")
_ANNOTATOR = "annotator"
QUEUE = "queue"
"""The column that says how `lradapt queue` has picked an image."""


@dataclass(frozen=True, slots=True)
class LabelLines:
    """The text of a `labels.csv`.

    Attributes:
        path: of the file, for messages.
        lines: text of each record with its line end, the header first; "" for a removed one.
        columns: the position of the columns `image`, `label` and, where there is one, `group`.
        places: image -> positions of its records in `lines`.
        labels: image -> its label; of the votes of several annotators the one that most give, ""
            for a tie; of other records that disagree the first, and all of them in `disagreeing`.
        groups: image -> its group; without those that have none.
        disagreeing: image -> the labels of its records, where they are not one.
        has_annotators: whether there is a column `annotator`, so that records are votes.
    """

    path: Path
    lines: list[str]
    columns: Mapping[str, int]
    places: Mapping[str, tuple[int, ...]]
    labels: Mapping[str, str]
    groups: Mapping[str, str]
    disagreeing: Mapping[str, tuple[str, ...]]
    has_annotators: bool

    def has_votes(self, image: str) -> bool:
        """Return whether several annotators have labelled an image."""
        return self.has_annotators and len(self.places[image]) > 1

    @property
    def content(self) -> bytes:
        """The bytes of the file."""
        return "".join(self.lines).encode()


@dataclass(frozen=True, slots=True)
class RemovedLine:
    """A record that was removed.

    Attributes:
        number: of the record in the file, the header being 1.
        text: with its line end.
    """

    number: int
    text: str


def parse_lines(content: bytes, path: Path) -> LabelLines:
    """Parse the bytes of a `labels.csv`.

    Raises:
        DataError: no comma-separated UTF-8 text, or no column `image` or `label`.
    """
    try:
        records = _records(content.decode("utf-8"))
    except (UnicodeDecodeError, csv.Error) as error:
        raise not_a_table(path, error) from error
    lines = [line for line, _ in records]
    columns = _columns(records[0][1] if records else [], path)
    places: dict[str, tuple[int, ...]] = {}
    labels: dict[str, str] = {}
    groups: dict[str, str] = {}
    disagreeing: dict[str, tuple[str, ...]] = {}
    for number, (_, cells) in enumerate(records[1:], 1):
        image, label, group = (_cell(cells, columns.get(name)) for name in _NAMES)
        if not image:
            continue
        places[image] = (*places.get(image, ()), number)
        if label != labels.setdefault(image, label):
            disagreeing[image] = (*disagreeing.get(image, (labels[image],)), label)
        if group:
            groups[image] = group
    votes = _votes(records, places, disagreeing)
    for image, given in votes.items():
        labels[image] = majority(given)
        del disagreeing[image]
    has_annotators = _ANNOTATOR in map(as_read, records[0][1])
    return LabelLines(path, lines, columns, places, labels, groups, disagreeing, has_annotators)


def with_label(lines: LabelLines, image: str, label: str) -> LabelLines:
    """Return the lines with another label for an image, in each of its records."""
    texts = list(lines.lines)
    for place in lines.places[image]:
        texts[place] = _with_cell(texts[place], lines.columns["label"], label)
    return replace(lines, lines=texts, labels={**lines.labels, image: label})


def without_image(lines: LabelLines, image: str) -> tuple[LabelLines, tuple[RemovedLine, ...]]:
    """Return the lines without the records of an image, and those records."""
    texts = list(lines.lines)
    removed: list[RemovedLine] = []
    for place in lines.places[image]:
        number = 1 + sum(1 for text in texts[:place] if text) + len(removed)
        removed.append(RemovedLine(number, texts[place]))
        texts[place] = ""
    labels = {name: label for name, label in lines.labels.items() if name != image}
    places = {name: place for name, place in lines.places.items() if name != image}
    return replace(lines, lines=texts, labels=labels, places=places), tuple(removed)


def with_lines(lines: LabelLines, removed: Sequence[RemovedLine]) -> LabelLines:
    """Return the lines with removed records at their former places.

    Raises:
        DataError: see `parse_lines`.
    """
    texts = [text for text in lines.lines if text]
    newline = _newline(texts[0])
    for record in removed:
        place = min(record.number - 1, len(texts))
        if not texts[place - 1].endswith(("\n", "\r")):
            texts[place - 1] += newline
        is_last = place == len(texts)
        ended = is_last or record.text.endswith(("\n", "\r"))
        texts.insert(place, record.text if ended else record.text + newline)
    return parse_lines("".join(texts).encode(), lines.path)


def with_image(
    lines: LabelLines, cells: Mapping[str, str], columns: Sequence[str] = (QUEUE,)
) -> LabelLines:
    """Return the lines with a record more, at the end.

    Args:
        lines: without records of this image.
        cells: column -> value; those of columns that the table does not have are left out.
        columns: that are added if the table lacks them; the other records get empty cells.

    Raises:
        DataError: see `parse_lines`.
    """
    texts = [text for text in lines.lines if text]
    names = _names(texts[0])
    for column in (column for column in columns if column not in names):
        names.append(column)
        texts = [_with_end(texts[0], f",{column}"), *(_with_end(text, ",") for text in texts[1:])]
    newline = _newline(texts[0])
    if not texts[-1].endswith(("\n", "\r")):
        texts[-1] += newline
    record = ",".join(_quoted(cells.get(name, ""), like="") for name in names)
    return parse_lines("".join([*texts, record + newline]).encode(), lines.path)


def _names(header: str) -> list[str]:
    text = header.removeprefix(_BYTE_ORDER_MARK)
    return [as_read(name) for name in next(csv.reader([text], skipinitialspace=True))]


def _with_end(record: str, end: str) -> str:
    """Return a record with an addition before its line end; an empty one stays."""
    body = record.rstrip("\r\n")
    return body + end + record[len(body) :] if body.strip() else record


def _newline(record: str) -> str:
    return re.search(r"\r?\n|\r|\Z", record)[0] or "\n"  # type: ignore[index]


def _records(text: str) -> list[tuple[str, list[str]]]:
    """Return the text of each record with its cells; a cell in quotes may have several lines."""
    parts = list(io.StringIO(text, newline=""))
    mark = _BYTE_ORDER_MARK if text.startswith(_BYTE_ORDER_MARK) else ""
    reader = csv.reader(
        [parts[0].removeprefix(mark), *parts[1:]] if parts else [], skipinitialspace=True
    )
    records, start = [], 0
    for cells in reader:
        end = reader.line_num
        records.append(("".join(parts[start:end]) if end - start > 1 else parts[start], cells))
        start = end
    return records


def _columns(header: Sequence[str], path: Path) -> dict[str, int]:
    names = [as_read(name) for name in header]
    missing = [name for name in ("image", "label") if name not in names]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(map(repr, missing))}; "
            f"its columns are {', '.join(map(repr, names))}"
        )
    return {name: names.index(name) for name in _NAMES if name in names}


def _votes(
    records: Sequence[tuple[str, list[str]]],
    places: Mapping[str, Sequence[int]],
    images: Iterable[str],
) -> dict[str, list[str]]:
    """Return the labels of each image that several annotators disagree on, one of each annotator.

    An image is left out if one of them gives it two labels, or if there are no annotators.
    """
    names = list(map(as_read, records[0][1]))
    if _ANNOTATOR not in names:
        return {}
    found = {}
    for image in images:
        cells = [records[place][1] for place in places[image]]
        columns = names.index(_ANNOTATOR), names.index("label")
        votes = {tuple(_cell(each, column) for column in columns) for each in cells}
        if len({annotator for annotator, _ in votes}) == len(votes):
            found[image] = [label for _, label in votes]
    return found


def _cell(cells: Sequence[str], column: int | None) -> str:
    return as_read(cells[column]) if column is not None and column < len(cells) else ""


def _with_cell(record: str, column: int, text: str) -> str:
    body = record.rstrip("\r\n")
    cells = _raw_cells(body)
    before = next(csv.reader(io.StringIO(body, newline=""), skipinitialspace=True))
    missing = [""] * (column + 1 - len(cells))  # of a short record
    cells, before = cells + missing, before + missing
    cells[column] = _quoted(text, like=cells[column])
    changed = ",".join(cells)
    after = next(csv.reader(io.StringIO(changed, newline=""), skipinitialspace=True))
    before[column] = text
    assert after == before, f"more than a cell would change in {record!r}"
    return changed + record[len(body) :]


def _raw_cells(body: str) -> list[str]:
    """Return the cells of a record as they are written, with their quotation marks."""
    cells, position = [], 0
    while True:
        found = _CELL.match(body, position)
        assert found is not None
        cells.append(found[0])
        position = found.end() + 1  # behind the comma
        if position > len(body):
            return cells


def _quoted(text: str, *, like: str) -> str:
    if like.lstrip(" ").startswith('"') or _NEEDS_QUOTES.search(text):
        escaped = text.replace('"', '""')
        return f'"{escaped}"'
    return text
