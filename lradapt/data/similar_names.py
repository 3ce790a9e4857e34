"""Classes whose names are two spellings of one: `Cat` and `cat`, `7` and `007`, `beer` for `bear`.

A class in two spellings is two classes to a model. The smaller one has too few images to be
measured, so that no later model can be promoted.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

_SEPARATORS = re.compile(r"(?<=\d)[\s_-]+(?=\d)|((?!^-\d)[\s_-]+)")  # not the minus of -1
_MARKS = re.compile(r"(?<!\d)[,;:/.]+|[,;:/.]+(?!\d)|['\"`\u2018\u2019\u201c\u201d]+")
_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_NUMBER = re.compile(r"\d+\.\d+")
_LOOK_ALIKE = str.maketrans(
    "аеорсухіјѕһӏкмнтвαικνορτυχ", "aeopcyxijshlkmhtbaikvoptux"
)  # Cyrillic and Greek
_IGNORED = ("Mn", "Cf")  # accents, and letters that take no room
_SHORTEST_SLIP = 4  # letters; of shorter names many differ by one letter: cat, bat


@dataclass(frozen=True, slots=True)
class SimilarName:
    """A class or a group that may be another spelling of a larger one.

    Attributes:
        name, images: of the class or group.
        like, like_images: of the larger one.
    """

    name: str
    images: int
    like: str
    like_images: int

    @property
    def words(self) -> str:
        """The finding in words."""
        return f"{self.name!r} ({self.images}) may be {self.like!r} ({self.like_images})"


def find_similar_names(sizes: Mapping[str, int]) -> list[SimilarName]:
    """Return the classes whose name is another spelling of that of a larger class, by name.

    Names are alike where they differ in case, space, accents, hyphens, commas, quotes, letters of
    another alphabet that look the same, or the zeros of a number; a class of one image also where
    one letter differs.

    Args:
        sizes: class -> its images.
    """
    found = other_spellings(sizes, _key)
    for name in sizes.keys() - {each.name for each in found}:
        if sizes[name] <= 1 and (slips := [o for o in sizes if sizes[o] > 1 and _slip(name, o)]):
            found.append(_similar(name, _largest(slips, sizes), sizes))
    return sorted(found, key=lambda each: each.name)


def other_spellings(sizes: Mapping[str, int], key: Callable[[str], str]) -> list[SimilarName]:
    """Return the names that have the key of a larger class or group, by name.

    Args:
        sizes: name -> its images.
        key: what the spellings of a name have in common.
    """
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(sizes):
        alike[key(name)].append(name)
    found = [
        _similar(name, largest, sizes)
        for names in alike.values()
        for largest in [_largest(names, sizes)]
        for name in names
        if name != largest
    ]
    return sorted(found, key=lambda each: each.name)


def _similar(name: str, like: str, sizes: Mapping[str, int]) -> SimilarName:
    return SimilarName(name, sizes[name], like, sizes[like])


def _largest(names: Iterable[str], sizes: Mapping[str, int]) -> str:
    return min(names, key=lambda name: (-sizes[name], name))


def _key(name: str) -> str:
    """Return what the spellings of a name have in common."""
    letters = unicodedata.normalize("NFKD", name.strip())
    plain = "".join(c for c in letters if unicodedata.category(c) not in _IGNORED).casefold()
    plain = _MARKS.sub(" ", plain.translate(_LOOK_ALIKE)).strip()
    plain = _SEPARATORS.sub(lambda match: "" if match[1] else " ", plain)
    if _NUMBER.fullmatch(plain):
        plain = plain.rstrip("0").rstrip(".")
    return _ZEROS.sub("", plain)


def _slip(name: str, other: str) -> bool:
    """Return whether one letter is wrong, missing, too many, or two are exchanged."""
    one, two = name.casefold(), other.casefold()
    if min(len(one), len(two)) < _SHORTEST_SLIP or abs(len(one) - len(two)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), None)
    start = min(len(one), len(two)) if start is None else start
    if not all(part.isalpha() and len(part) > 1 for part in (_word(one, start), _word(two, start))):
        return False  # a number or a letter that counts, such as in "type 1" and "grade a"
    rest_one, rest_two = one[start:], two[start:]
    return (
        rest_one[1:] == rest_two[1:]
        or rest_one == rest_two[1:]
        or rest_one[1:] == rest_two
        or (rest_one[:2] == rest_two[:2][::-1] and rest_one[2:] == rest_two[2:])
    )


def _word(name: str, position: int) -> str:
    """Return the run of letters and digits of a name that a position is in, or just behind."""
    return next(
        (m[0] for m in re.finditer(r"[^\W_]+", name) if m.start() <= position <= m.end()), ""
    )
