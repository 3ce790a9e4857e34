"""Which column of a table says which images belong together, such as those of one patient."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.data.importing.split_names import words
from lradapt.errors import DataError, listed

if TYPE_CHECKING:
    import pandas as pd

_PEOPLE = (
    "patient patients patienten subject participant person individual identity donor proband "
    "lesion group"
)
_THINGS = (
    "case animal specimen slide video clip sequence study exam examination session visit scan "
    "series nodule tumor tumour mole wound sample"
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


def choose_group(table: "pd.DataFrame", path: Path, rest: Sequence[str], given: str) -> str:
    """Return the group column; "" where no column looks like one.

    Of several that look like one, the column is taken whose groups no other column joins.

    Args:
        table: of text.
        path: of the table, for messages.
        rest: the columns without another meaning.
        given: the column, by an option; "" to find it.

    Raises:
        DataError: several columns look like one, or another column joins groups of the given one.
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
