"""Which columns of a table hold the image, the class, the group and the split: by their names.

A column that looks like a split, or like a patient, is never left out without a word: a test set
or a patient that is mixed into the training makes every figure too good.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.data.importing.group_column import choose_group
from lradapt.data.importing.split_column import choose_split
from lradapt.data.importing.split_names import words
from lradapt.data.labels import require_columns
from lradapt.data.slice_columns import RESERVED
from lradapt.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_IMAGE_NAMES = (  # the first that fits decides
    "image images img",
    "file filename path filepath imagefile imagefilename imagename imagepath imageid imgname "
    "imgpath imgfile imgid isicid fname relpath photo photoid picture pictureid",
    "id name",
)
_LABEL_NAMES = (
    "label",
    "class labels classname classlabel category target diagnosis dx species groundtruth gt breed "
    "labelname",
)
_ANNOTATORS = (
    "annotator annotatorid annotatedby rater raterid labeller labeler labelledby labeledby"
)
_MARKS = {"1": True, "1.0": True, "0": False, "0.0": False}


@dataclass(frozen=True, slots=True)
class GivenColumns:
    """The columns that the options name; None or empty: find them.

    Attributes:
        image, label, group, split, annotator: of the table; `label` may name several, with commas.
        ignored: columns that are left out although they look like a group or a split.
        splits: value of the split column -> split.
        kept: further columns, which become slices.
        image_is_fixed: no option names the image column, nor the folder of the images.
    """

    image: str | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None
    ignored: Sequence[str] = ()
    splits: Mapping[str, str] | None = None
    image_is_fixed: bool = False
    annotator: str | None = None
    kept: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table.

    Attributes:
        image: column of the file.
        labels: column of the class; several: one for each class, with a 1 where an image has it.
        group, split, annotator: columns, or "".
        split_of: value of the split column -> split.
        left_out: the other columns.
        slices: columns that are kept under their names.
    """

    image: str
    labels: tuple[str, ...]
    group: str
    split: str
    split_of: Mapping[str, str]
    left_out: tuple[str, ...]
    annotator: str = ""
    slices: tuple[str, ...] = ()


def choose_columns(
    table: "pd.DataFrame", path: Path, given: GivenColumns, count_files: Callable[[str], int]
) -> Columns:
    """Return the columns that the options name, and find the others by their names.

    Args:
        table: of text.
        path: of the table, for messages.
        given: by options.
        count_files: a column -> how many of its first cells name a file.

    Raises:
        DataError: a column is missing or ambiguous, or one that looks like a group or a split
            would be left out.
    """
    of_labels = _label_list(table, given.label)
    named = [given.image, *of_labels, given.group, given.split, given.annotator]
    resolved = _resolved(table, path, [n for n in [*named, *given.ignored, *given.kept] if n])
    slices = tuple(dict.fromkeys(resolved[name] for name in given.kept))
    _require_further(slices, path)
    ignored = {resolved[name] for name in given.ignored}
    image = resolved[given.image] if given.image else _image(table, path, count_files)
    labels = tuple(resolved[name] for name in of_labels)
    labels = labels or _labels(table, path, {image} | ignored)
    rest = [name for name in table.columns if name not in {image, *labels} | ignored]
    split = resolved[given.split] if given.split else ""
    group = resolved[given.group] if given.group else ""
    split, split_of = choose_split(
        table, path, [n for n in rest if n != group], split, given.splits
    )
    group = choose_group(table, path, [name for name in rest if name != split], group)
    annotator = _annotator(table, path, rest, resolved.get(given.annotator or "", ""))
    used = {image, *labels, group, split, annotator, *slices}
    left_out = tuple(name for name in table.columns if name not in used)
    return Columns(image, labels, group, split, split_of, left_out, annotator, slices)


def _require_further(slices: Sequence[str], path: Path) -> None:
    """Check that no kept column has the name of a column with another meaning in `labels.csv`."""
    if reserved := [name for name in slices if name in RESERVED]:
        raise DataError(
            f"{path}: {', '.join(map(repr, reserved))} cannot be kept as a slice, since the name "
            "has another meaning in labels.csv; rename the column"
        )


def has_usual_names(table: "pd.DataFrame") -> bool:
    """Return whether a column has a usual name of the column of images or of classes."""
    usual = " ".join((*_IMAGE_NAMES, *_LABEL_NAMES)).split()
    return bool(_named(table, usual))


def notes_on(columns: Columns) -> list[str]:
    """Return which column was read as what, for the user to check."""
    labels = ", ".join(columns.labels[:5]) + (" ..." if len(columns.labels) > 5 else "")
    one_each = " (one column for each class)" if len(columns.labels) > 1 else ""
    used = [f"image {columns.image!r}", f"class {labels!r}{one_each}"]
    used += [f"group {columns.group!r}"] if columns.group else []
    used += [f"split {columns.split!r}"] if columns.split else []
    used += [f"annotator {columns.annotator!r}"] if columns.annotator else []
    used += [f"kept {', '.join(map(repr, columns.slices))}"] if columns.slices else []
    values = ", ".join(f"{value!r} is {split}" for value, split in columns.split_of.items())
    left = ", ".join(columns.left_out)
    return [
        f"columns: {', '.join(used)}" + (f"; {values}" if values else ""),
        *(
            [f"columns left out: {left} (an import keeps one with --keep-column NAME)"]
            if left
            else []
        ),
    ]


def _label_list(table: "pd.DataFrame", label: str | None) -> list[str]:
    if not label:
        return []
    known = {_plain(name) for name in table.columns}
    return [label] if _plain(label) in known or "," not in label else label.split(",")


def _resolved(table: "pd.DataFrame", path: Path, names: Iterable[str]) -> dict[str, str]:
    """Return name -> column; capitals, spaces and underscores make no difference where one fits."""
    found = {}
    for name in dict.fromkeys(names):
        alike = [column for column in table.columns if _plain(column) == _plain(name)]
        found[name] = alike[0] if len(alike) == 1 and name not in table.columns else name
    require_columns(table, found.values(), path)
    return found


def _plain(name: str) -> str:
    return "".join(words(name)) or name


def _named(table: "pd.DataFrame", names: Iterable[str]) -> list[str]:
    return [column for column in table.columns if _plain(column) in names]


def _image(table: "pd.DataFrame", path: Path, count_files: Callable[[str], int]) -> str:
    found = [column for names in _IMAGE_NAMES for column in _named(table, names.split())]
    if not found:
        raise DataError(
            f"{path}: which column has the file names? Give --image-column; {_its_columns(table)}"
        )
    return max(found, key=count_files)  # of equal counts the first


def _labels(table: "pd.DataFrame", path: Path, others: set[str]) -> tuple[str, ...]:
    for names in _LABEL_NAMES:
        found = [column for column in _named(table, names.split()) if column not in others]
        if len(found) > 1:
            raise DataError(
                f"{path}: {', '.join(map(repr, found))} can be the column of the class; choose one "
                "with --label-column"
            )
        if found:
            return (found[0],)
    marks = [c for c in table.columns if c not in others and set(table[c]) <= _MARKS.keys()]
    if len(marks) > 1 and not table.empty and (_num_marks(table, marks) == 1).all():
        return tuple(marks)
    raise DataError(
        f"{path}: which column has the class? Give --label-column (with one column for each class: "
        f"--label-column A,B,C); {_its_columns(table)}"
    )


def _num_marks(table: "pd.DataFrame", columns: Sequence[str]) -> "pd.Series[int]":
    return table[list(columns)].isin([cell for cell, mark in _MARKS.items() if mark]).sum(axis=1)


def _its_columns(table: "pd.DataFrame") -> str:
    return f"its columns are {', '.join(map(repr, table.columns))}"


def _annotator(table: "pd.DataFrame", path: Path, rest: Sequence[str], given: str) -> str:
    """Return the column of the annotator; "" where none has such a name."""
    found = [name for name in _named(table, _ANNOTATORS.split()) if name in rest]
    if given or len(found) < 2:
        return given or "".join(found)
    raise DataError(
        f"{path}: {', '.join(map(repr, found))} can be the column of the annotator; choose one "
        "with --annotator-column"
    )
