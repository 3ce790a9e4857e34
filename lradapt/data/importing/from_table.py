"""Labels from a table that names images: of this project, or of another program."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from lradapt.data.consensus import keep_annotators, merge_lines
from lradapt.data.images.file_names import require_plain_names
from lradapt.data.importing.find_files import FileFinder
from lradapt.data.importing.source_labels import SourceLabels, files_of
from lradapt.data.importing.table_columns import (
    Columns,
    GivenColumns,
    choose_columns,
    has_usual_names,
    notes_on,
)
from lradapt.data.importing.table_text import read_table
from lradapt.data.label_faults import name_fault, require_plain_group
from lradapt.data.labelled_image import Annotation, LabelledImage
from lradapt.data.similar_groups import note_on_groups, note_on_slices
from lradapt.errors import DataError, listed

if TYPE_CHECKING:
    import pandas as pd

_MARKED = ("1", "1.0")
_FIRST_CELLS = 50
_NO_COLUMNS = GivenColumns()


class _Line(NamedTuple):
    """The cells of a line, and its place in the file."""

    place: str
    image: str
    labels: list[str]
    group: str
    split: str
    annotator: str
    slices: tuple[str, ...]


def label_table(table: Path, *, folder: Path, given: GivenColumns = _NO_COLUMNS) -> SourceLabels:
    """Label files of `folder` by the lines of a table; nothing is written.

    Columns that are not given are found by their names.

    Raises:
        DataError: see `label_lines`.
    """
    lines, notes = read_table(table)
    return label_lines(lines, table, folder, given, notes)


def label_lines(
    lines: "pd.DataFrame",
    table: Path,
    folder: Path,
    given: GivenColumns,
    notes: Sequence[str],
    places: Sequence[str] = (),
) -> SourceLabels:
    """Label files of `folder` by lines of text.

    Args:
        lines: see `labels.read_csv`.
        table: that they are from, for messages.
        folder: of the images.
        given: the columns that are known; the others are found by their names.
        notes: on how the table was read.
        places: of each line, for messages; empty: its number in the table.

    Raises:
        DataError: no line, a missing or ambiguous column, a line without a label, a name that
            leads outside `folder`, fits no file or several, or lines of one image that disagree;
            the message names all of them. Or see `require_plain_names`.
    """
    files = files_of(folder)
    find = FileFinder(folder, files, table)
    _require_header(lines, table, find)
    columns = choose_columns(
        lines, table, given, lambda name: find.count(lines[name][:_FIRST_CELLS])
    )
    if lines.empty:
        raise DataError(f"{table} has no lines below its header, expected one for each image")
    find.learn_prefix(list(lines[columns.image]))
    found, faults = _matched(_cells(lines, columns, places), columns, find)
    once: dict[LabelledImage, str] = {}
    for place, label in found:
        once.setdefault(label, place)
    merged, disagreements = merge_lines(once)
    if faults := [*faults, *disagreements, *find.shared_files()]:
        raise DataError(
            f"{table} has {len(faults)} fault(s) in {len(lines)} lines; correct or remove them"
            f"{_hint(columns, given)}:\n" + listed(faults)
        )
    require_plain_names(folder, [label.image for label in merged])
    repeated = len(found) - len(once)
    labels, on_annotators = keep_annotators(merged)
    notes = [*notes_on(columns), *notes, *on_annotators, *find.notes()]
    notes += note_on_groups(label.group for label in labels)
    notes += note_on_slices(label.slices for label in labels)
    notes += [f"{repeated:,} line(s) are repeated; each is read once"] if repeated else []
    left = sorted(set(files) - {label.image for label in labels})
    return SourceLabels(folder, labels, left, tuple(notes))


def _hint(columns: Columns, given: GivenColumns) -> str:
    if given.image_is_fixed:
        return ""
    return f" (or is --images another folder, or --image-column another than {columns.image!r}?)"


def _require_header(lines: "pd.DataFrame", table: Path, find: FileFinder) -> None:
    images = [name for name in lines.columns if find.count([name])]
    if images and not has_usual_names(lines):
        raise DataError(
            f"{table} has no header: its first line names the image {images[0]!r}. Put a line with "
            "the names of the columns before it, such as image,label"
        )


def _cells(lines: "pd.DataFrame", columns: Columns, places: Sequence[str]) -> Iterable[_Line]:
    blank = [""] * len(lines)
    return map(
        _Line,
        places or [f"line {int(row) + 2}" for row in lines.index],
        lines[columns.image],
        _classes(lines, columns),
        lines[columns.group] if columns.group else blank,
        lines[columns.split] if columns.split else blank,
        lines[columns.annotator] if columns.annotator else blank,
        lines[list(columns.slices)].itertuples(index=False, name=None),
    )


def _classes(lines: "pd.DataFrame", columns: Columns) -> list[list[str]]:
    """Return the classes of each line: one cell, or the columns that have a mark."""
    if len(columns.labels) == 1:
        return [[label] if label else [] for label in lines[columns.labels[0]]]
    marked = lines[list(columns.labels)].isin(_MARKED).to_numpy().tolist()
    return [[name for name, m in zip(columns.labels, row, strict=True) if m] for row in marked]


def _matched(
    lines: Iterable[_Line], columns: Columns, find: FileFinder
) -> tuple[list[tuple[str, LabelledImage]], list[str]]:
    """Return place and labelled image of each line, and the faults of the others."""
    found, faults = [], []
    for line in lines:
        try:
            found.append((line.place, _labelled(line, columns, find)))
        except DataError as error:
            faults.append(f"{line.place} ({line.image}): {error}")
    return found, faults


def _labelled(line: _Line, columns: Columns, find: FileFinder) -> LabelledImage:
    label, split = _class_of(line), _split_of(line, columns)
    require_plain_group(line.group)
    said = (Annotation(line.annotator, label),) if columns.annotator else ()
    slices = tuple(zip(columns.slices, line.slices, strict=True))
    return LabelledImage(
        find(line.image), label, line.group, split, annotations=said, slices=slices
    )


def _class_of(line: _Line) -> str:
    if not line.labels:
        raise DataError("has no label")
    if len(line.labels) > 1:
        raise DataError(f"has {len(line.labels)} classes: {', '.join(line.labels)}")
    if fault := name_fault(line.labels[0]):
        raise DataError(fault)
    return line.labels[0]


def _split_of(line: _Line, columns: Columns) -> str:
    if not columns.split:
        return ""
    if line.split not in columns.split_of:
        raise DataError(f"the split {line.split!r} is none of {', '.join(columns.split_of)}")
    return columns.split_of[line.split]
