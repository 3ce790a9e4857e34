"""Which column of a table gives the splits, and which split each of its values is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from lradapt.data.importing.split_names import read_split_names, without_unused_test, words
from lradapt.data.labelled_image import TRAIN
from lradapt.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_MOST_SPLITS = 100
_SPLIT_WORDS = "split splits fold folds kfold cv partition subset tvt"
_LITTLE_WORDS = "is for in as to use used"
_TRUE, _FALSE = ("1", "1.0", "true", "yes", "t", "y"), ("0", "0.0", "false", "no", "f", "n")


def choose_split(
    table: "pd.DataFrame",
    path: Path,
    rest: Sequence[str],
    given: str,
    splits: Mapping[str, str] | None,
) -> tuple[str, Mapping[str, str]]:
    """Return the split column and value -> split; none where no column is one.

    Args:
        table: of text.
        path: of the table, for messages.
        rest: the columns without another meaning.
        given: the column, by an option; "" to find it.
        splits: value -> split, by options.

    Raises:
        DataError: several columns look like splits, or the values do not say which are train.
    """
    if given:
        return given, _split_of(table, given, splits) or _refuse_values(table, path, given)
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
    if named:
        _refuse_values(table, path, named[0])
    return "", {}


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


def _refuse_values(table: "pd.DataFrame", path: Path, column: str) -> NoReturn:
    values = sorted(set(table[column]))
    options = " ".join(f"--split {value}=SPLIT" for value in values[:3])
    raise DataError(
        f"{path}: the column {column!r} looks like a split, but its values "
        f"{', '.join(map(repr, values[:5]))} do not say which are train; say what they mean "
        f"(--split-column {column} {options}), or leave it out (--ignore-column {column})"
    )
