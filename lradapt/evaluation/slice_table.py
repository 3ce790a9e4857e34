"""`slices.csv`: a line for each slice, and one for each class within it."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from lradapt.evaluation.slice_results import ClassInSlice, SliceResult
from lradapt.runtime.files import write_csv
from lradapt.text import from_table_cell, table_cell

_COLUMNS = ("column", "value", "class", "images", "share", "low", "high", "expected", "p")


def write_slices(path: Path, results: Iterable[SliceResult]) -> None:
    """Write the table: `share` is the accuracy of a slice (no class), or the recall of a class."""
    write_csv(path, _COLUMNS, (line for each in results for line in _lines(each)))


def read_slice_results(path: Path) -> list[SliceResult]:
    """Read what `write_slices` wrote."""
    found: list[SliceResult] = []
    with path.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if not line["class"]:
                found.append(_slice(line))
            else:
                last = found.pop()
                found.append(_with_class(last, line))
    return found


def _lines(each: SliceResult) -> Iterator[tuple[object, ...]]:
    where = (table_cell(each.column), table_cell(each.value))
    figures = (each.images, each.accuracy, *each.interval, each.expected)
    yield (*where, "", *figures, "" if each.p is None else each.p)
    for one in each.classes:
        yield (*where, table_cell(one.name), one.images, one.recall, *one.interval, "", "")


def _slice(line: dict[str, str]) -> SliceResult:
    return SliceResult(
        from_table_cell(line["column"]),
        from_table_cell(line["value"]),
        int(line["images"]),
        float(line["share"]),
        (float(line["low"]), float(line["high"])),
        float(line["expected"]),
        float(line["p"]) if line["p"] else None,
        (),
    )


def _with_class(each: SliceResult, line: dict[str, str]) -> SliceResult:
    one = ClassInSlice(
        from_table_cell(line["class"]),
        int(line["images"]),
        float(line["share"]),
        (float(line["low"]), float(line["high"])),
    )
    return SliceResult(
        each.column,
        each.value,
        each.images,
        each.accuracy,
        each.interval,
        each.expected,
        each.p,
        (*each.classes, one),
    )
