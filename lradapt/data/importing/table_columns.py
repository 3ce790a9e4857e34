"""Which columns of a table hold the image, the class, the group and the split: by their names.

A column that looks like a split, or like a patient, is never left out without a word: a test set
or a patient that is mixed into the training makes every figure too good.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.data.importing.split_names import read_split_names, without_unused_test, words
from lradapt.data.labelled_image import TRAIN
from lradapt.data.labels import require_columns
from lradapt.data.slices import RESERVED
from lradapt.errors import DataError, listed

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
_PEOPLE = (
    "patient patients patienten subject participant person individual identity donor proband "
    "lesion group"
)
_THINGS = (
    "case animal specimen slide video clip sequence study exam examination session visit scan "
    "series nodule tumor tumour mole wound sample"
)
_ANNOTATORS = (
    "annotator annotatorid annotatedby rater raterid labeller labeler labelledby labeledby"
)
_IDENTIFIERS = (
    "id ids no nr num number nummer name code key uid uuid hash index identifier kennung ref"
)
_NUMBERS = "id uid uuid no nr number nummer identifier"
_NO_GROUPS = (
    "image img picture photo file frame slice page view row line record index order sort class "
    "label category type target annotator rater labeller model version"
)
_FEW_GROUPS, _MOST_IMAGES = 5, 20  # of a group whose column has no known name
_MOST_SPLITS = 100
_SPLIT_WORDS = "split splits fold folds kfold cv partition subset tvt"
_LITTLE_WORDS = "is for in as to use used"
_TRUE, _FALSE = ("1", "1.0", "true", "yes", "t", "y"), ("0", "0.0", "false", "no", "f", "n")
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
    split, split_of = _split(table, path, [n for n in rest if n != group], split, given.splits)
    group = _group(table, path, [name for name in rest if name != split], group)
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


def _split(
    table: "pd.DataFrame",
    path: Path,
    rest: Sequence[str],
    given: str,
    splits: Mapping[str, str] | None,
) -> tuple[str, Mapping[str, str]]:
    """Return the split column and value -> split; none where no column is one."""
    if given:
        return given, _split_of(table, given, splits) or _no_splits(table, path, given)
    found = {c: split_of for c in rest if (split_of := _split_of(table, c, splits))}
    found = {c: split_of for c, split_of in found.items() if _is_whole(split_of)}
    named = [c for c in rest if _looks_like_split(c) and 1 < table[c].nunique() <= _MOST_SPLITS]
    named += [c for c in rest if c not in named and _has_splits_alone(table, c)]
    meanings = {tuple(table[column].map(split_of)) for column, split_of in found.items()}
    if len(meanings) > 1:
        raise DataError(
            f"{path}: {', '.join(map(repr, found))} look like splits; choose one with "
            "--split-column, and leave out the others with --ignore-column"
        )
    if found:
        column = next((c for c in found if c in named), next(iter(found)))
        return column, found[column]
    return (named[0], _no_splits(table, path, named[0])) if named else ("", {})


def _annotator(table: "pd.DataFrame", path: Path, rest: Sequence[str], given: str) -> str:
    """Return the column of the annotator; "" where none has such a name."""
    found = [name for name in _named(table, _ANNOTATORS.split()) if name in rest]
    if given or len(found) < 2:
        return given or "".join(found)
    raise DataError(
        f"{path}: {', '.join(map(repr, found))} can be the column of the annotator; choose one "
        "with --annotator-column"
    )


def _looks_like_split(column: str) -> bool:
    return not set(_SPLIT_WORDS.split()).isdisjoint(words(column))


def _has_splits_alone(table: "pd.DataFrame", column: str) -> bool:
    """Return whether several names of splits are the values, such as `dev` and `eval`."""
    values = set(table[column]) - {""}
    return 1 < len(values) <= _MOST_SPLITS and len(read_split_names(values)) == len(values)


def _is_whole(split_of: Mapping[str, str]) -> bool:
    return TRAIN in split_of.values() and len(set(split_of.values())) > 1


def _split_of(
    table: "pd.DataFrame", column: str, splits: Mapping[str, str] | None
) -> dict[str, str]:
    """Return value -> split for the values of a column; empty where one of them is no split."""
    if table[column].nunique() > _MOST_SPLITS:
        return {}
    values = sorted(set(table[column]) - {""})
    if splits:
        found = {value: splits[value] for value in values if value in splits}
        return found if len(found) == len(values) else {}
    found = read_split_names(values)
    if len(found) == len(values) > 0:
        return without_unused_test(found)
    return _yes_or_no(column, values)


def _yes_or_no(column: str, values: Sequence[str]) -> dict[str, str]:
    """Return value -> split for a column such as `is_test` of 0 and 1."""
    little = _LITTLE_WORDS.split()
    own = read_split_names([" ".join(word for word in words(column) if word not in little)])
    yes = [value for value in values if value.casefold() in _TRUE]
    no = [value for value in values if value.casefold() in _FALSE]
    if not own or not yes or not no or len(yes) + len(no) < len(values):
        return {}
    (split,) = without_unused_test(own).values()
    other = "test" if split == TRAIN else TRAIN
    return dict.fromkeys(yes, split) | dict.fromkeys(no, other)


def _no_splits(table: "pd.DataFrame", path: Path, column: str) -> Mapping[str, str]:
    values = sorted(set(table[column]))
    options = " ".join(f"--split {value}=SPLIT" for value in values[:3])
    raise DataError(
        f"{path}: the column {column!r} looks like a split, but its values "
        f"{', '.join(map(repr, values[:5]))} do not say which are train; say what they mean "
        f"(--split-column {column} {options}), or leave it out (--ignore-column {column})"
    )


def _group(table: "pd.DataFrame", path: Path, rest: Sequence[str], given: str) -> str:
    """Return the group column; "" where no column looks like one.

    Of several that look like one, the column is taken whose groups no other column joins.
    """
    found = [c for c in rest if c != given and looks_like_group(c) and table[c].nunique() > 1]
    candidates = [given] if given else found
    numbered = [c for c in rest if _numbers_groups(table, c)]
    if not candidates:  # no name says it: the one that joins the most, if there is one
        return next((c for c in numbered if not any(_joins(table, o, c) for o in numbered)), "")
    for column in candidates:
        if not (joining := [other for other in found if _joins(table, other, column)]):
            return column
    if given:
        faults = [
            f"{other!r} joins images of different {given!r}: --group-column {other}, or "
            f"--ignore-column {other}"
            for other in joining
        ]
    else:
        faults = [f"--group-column {column}" for column in candidates]
    raise DataError(
        f"{path}: images of one patient or lesion must be in one split; which column says which "
        f"images belong together?\n{listed(faults)}"
    )


def looks_like_group(column: str) -> bool:
    """Return whether a name ends in `patient`, `lesion_id` and the like; not `age_group`."""
    parts, people, things = words(column), _PEOPLE.split(), _THINGS.split()
    name = "".join(parts)
    joined = {f"{w}{i}" for w in people + things for i in _IDENTIFIERS.split()}
    if name in ("pid", "mrn") or name in joined:
        return True
    stems = [part for part in parts if part not in _IDENTIFIERS.split() and not part.isdecimal()]
    if not stems or parts[: len(stems)] != stems:
        return False
    if stems[-1] == "group":
        return len(stems) == 1
    return stems[-1] in people or (stems[-1] in things and len(parts) > len(stems))


def _numbers_groups(table: "pd.DataFrame", column: str) -> bool:
    """Return whether a column of numbers repeats them as those of a group: `mouse_id`, `case`.

    A number of a camera or a clinic has few values, so `ID` alone says nothing; that of a `case`,
    without a word such as `id`, may be a kind of case: it must have a digit.
    """
    parts, cells = words(column), table[column][table[column] != ""]
    num = cells.nunique()
    if not parts or not _FEW_GROUPS <= num < len(cells) or not cells.str.contains(r"\d").all():
        return False
    if len(parts) == 1:
        return parts[0] in _THINGS.split()
    is_number = parts[-1] in _NUMBERS.split() and not set(parts) & set(_NO_GROUPS.split())
    return is_number and num * _MOST_IMAGES >= len(cells)


def _joins(table: "pd.DataFrame", other: str, column: str) -> bool:
    """Return whether one value of `other` is in images of different groups of `column`."""
    if other == column:
        return False
    groups = table[column].where(table[column] != "", table.index.to_series().map("line {}".format))
    filled = table[other] != ""
    return bool((groups[filled].groupby(table[other][filled]).nunique() > 1).any())
