"""Groups whose names are two spellings of one: `1` and `1.0`, `7` and `007`, `P1` and `p1`.

pandas writes `1.0` where its column has a missing value. A patient in two spellings is two groups,
one of which may be trained on while the other is measured on; an annotator has two votes, and the
value of a slice is two slices.
"""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from lradapt.data.similar_names import SimilarName, other_spellings

_WHOLE_NUMBER = re.compile(r"(-?)0*(\d+?)(\.0+)?")
_MOST_NAMED = 3


def find_similar_groups(sizes: Mapping[str, int]) -> list[SimilarName]:
    """Return the groups whose name is another spelling of that of a larger group, by name.

    Names are alike where they differ in case, in space, in Unicode's form, or in the zeros of a
    whole number. Less is alike than in the names of classes: `1.1` and `1.10` may be two patients.

    Args:
        sizes: group -> its images.
    """
    return other_spellings(sizes, _key)


def note_on_groups(groups: Iterable[str]) -> list[str]:
    """Return a sentence on similar groups that names the first ones; nothing where there are none.

    Args:
        groups: of each image; empty for none.
    """
    words = "group(s) may be other spellings of a group, and would be split as others"
    return _note(groups, words, "If they are one patient or lesion, give them one name")


def note_on_annotators(annotators: Iterable[str]) -> list[str]:
    """Return a sentence on similar annotators; nothing where there are none.

    Args:
        annotators: of each label.
    """
    words = "annotator(s) may be other spellings of an annotator, and have a vote of their own"
    return _note(annotators, words, "If they are one person, give them one name")


def note_on_slices(slices: Iterable[Sequence[tuple[str, str]]]) -> list[str]:
    """Return a sentence on the similar values of each column; nothing where there are none.

    Args:
        slices: of each image: column and value; an empty value for none.
    """
    values: defaultdict[str, list[str]] = defaultdict(list)
    for column, value in chain.from_iterable(slices):
        values[column].append(value)
    words = "value(s) of {!r} may be other spellings of a value, and are slices of their own"
    remedy = "If they are one value, write it in one way"
    notes = (_note(found, words.format(column), remedy) for column, found in values.items())
    return [*chain.from_iterable(notes)]


def _note(names: Iterable[str], words: str, remedy: str) -> list[str]:
    similar = [found.words for found in find_similar_groups(Counter(filter(None, names)))]
    if not similar:
        return []
    more = len(similar) - _MOST_NAMED
    named = ", ".join(similar[:_MOST_NAMED]) + (f", and {more:,} more" if more > 0 else "")
    return [f"{len(similar):,} {words}: {named}. {remedy}"]


def _key(group: str) -> str:
    """Return what the spellings of a group have in common."""
    plain = " ".join(unicodedata.normalize("NFKC", group).casefold().split())
    number = _WHOLE_NUMBER.fullmatch(plain)
    return number[1] + number[2] if number else plain
