"""`learnt.csv` and `exam.csv`: what a version has learnt from, and what it was examined on."""

import csv
import io
from collections.abc import Iterable

from lradapt.data.split_table import SplitRow
from lradapt.gate.exam import Learnt

LEARNT_COLUMNS = ("pixel_sha256", "group")
EXAM_COLUMNS = ("pixel_sha256", "label")


def write_learnt(rows: Iterable[SplitRow], learnt_before: bytes = b"") -> bytes:
    """Pixel hash and group of each image that training or tuning has seen.

    Args:
        rows: of the split.
        learnt_before: `learnt.csv` of the version whose weights the training started from.
    """
    seen = {(row.pixel_sha256, row.group) for row in rows if row.split != "test"}
    seen |= {(line["pixel_sha256"], line["group"]) for line in _lines(learnt_before)}
    return _table(LEARNT_COLUMNS, seen)


def read_learnt(content: bytes) -> Learnt:
    """What `write_learnt` wrote."""
    lines = _lines(content)
    return Learnt(
        frozenset(line["pixel_sha256"] for line in lines),
        frozenset(line["group"] for line in lines),
    )


def write_exam(rows: Iterable[SplitRow]) -> bytes:
    """Pixel hash and label of each test image."""
    return _table(
        EXAM_COLUMNS, {(row.pixel_sha256, row.label) for row in rows if row.split == "test"}
    )


def read_exam(content: bytes) -> dict[str, str]:
    """What `write_exam` wrote, pixel hash -> label."""
    return {line["pixel_sha256"]: line["label"] for line in _lines(content)}


def _table(columns: tuple[str, str], lines: Iterable[tuple[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(sorted(lines))
    return text.getvalue().encode()


def _lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))
