"""Who learns and who is examined: a pure function of the labels, the groups and the pixels.

The rule (docs/method.md, "The split"): images of one group, and pixel twins with their groups, stay
together. A group counts to its rarest class. In each class, groups are taken in the order of their
hashes until test is nearest to its share, at least one group on each side. No seed and no
state: the same on every machine, and an added image moves only what lies at the border.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

TRAIN, VALIDATION, TEST = "train", "validation", "test"


@dataclass(frozen=True, slots=True)
class Example:
    """A labelled image as the split sees it.

    Attributes:
        label: class name.
        pixel_sha256: of the full-size pixels, hexadecimal; equal for twins.
        group: images that must stay together; empty: the image is its own group.
    """

    label: str
    pixel_sha256: str
    group: str = ""


@dataclass(frozen=True, slots=True)
class _Group:
    key: str
    label: str
    members: tuple[int, ...]


def assign_splits(
    examples: Sequence[Example], *, train_per_test: float, validation_share: float
) -> list[str]:
    """The side of each example: "train", "validation" or "test".

    A class of a single group goes to the training split whole.

    Args:
        examples: in any order; the order changes nothing.
        train_per_test: images of the training split for each test image; 5 for 5:1.
        validation_share: share of the training split that becomes "validation", in [0, 1).
    """
    groups = find_groups(examples)
    sides = [TRAIN] * len(examples)
    exam = _chosen(groups, share=1 / (train_per_test + 1), at_least=1)
    rest = [group for group in groups if group.key not in exam]
    validation = _chosen([_rehashed(group) for group in rest], share=validation_share, at_least=0)
    for group in groups:
        side = (
            TEST
            if group.key in exam
            else VALIDATION
            if _validation_key(group) in validation
            else TRAIN
        )
        for member in group.members:
            sides[member] = side
    return sides


def validation_from_train(examples: Sequence[Example], *, validation_share: float) -> list[str]:
    """Choose the validation split of a given training split, by the same rule."""
    validation = _chosen(
        [_rehashed(group) for group in find_groups(examples)], validation_share, at_least=0
    )
    sides = [TRAIN] * len(examples)
    for group in find_groups(examples):
        for member in group.members if _validation_key(group) in validation else ():
            sides[member] = VALIDATION
    return sides


def find_groups(examples: Sequence[Example]) -> list[_Group]:
    """The groups, pixel twins' merged, in the order of their hashes; the smallest hash wins."""
    joined = _Joined()
    keys = [_key(example) for example in examples]
    first_of_pixels: dict[str, str] = {}
    for key, example in zip(keys, examples, strict=True):
        joined.join(key, first_of_pixels.setdefault(example.pixel_sha256, key))
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        members[joined.smallest(key)].append(index)
    sizes = Counter(example.label for example in examples)
    return [
        _Group(key, _rarest((examples[i].label for i in inside), sizes), tuple(inside))
        for key, inside in sorted(members.items())
    ]


class _Joined:
    """Disjoint sets of keys, each known by its smallest."""

    def __init__(self) -> None:
        self._above: dict[str, str] = {}

    def smallest(self, key: str) -> str:
        above = self._above.setdefault(key, key)
        while above != key:
            self._above[key] = self._above[above]
            key, above = above, self._above[above]
        return key

    def join(self, one: str, other: str) -> None:
        low, high = sorted((self.smallest(one), self.smallest(other)))
        self._above[high] = low


def _key(example: Example) -> str:
    if not example.group:
        return example.pixel_sha256
    return hashlib.sha256(f"group:{example.group}".encode()).hexdigest()


def _rarest(labels: Iterable[str], sizes: Mapping[str, int]) -> str:
    return min(labels, key=lambda label: (sizes[label], label))


def _validation_key(group: _Group) -> str:
    return hashlib.sha256(f"tune:{group.key}".encode()).hexdigest()


def _rehashed(group: _Group) -> _Group:
    return _Group(_validation_key(group), group.label, group.members)


def _chosen(groups: Sequence[_Group], share: float, at_least: int) -> set[str]:
    by_class: defaultdict[str, list[_Group]] = defaultdict(list)
    for group in sorted(groups, key=lambda group: group.key):
        by_class[group.label].append(group)
    return {
        group.key
        for inside in by_class.values()
        for group in inside[: _nearest([len(g.members) for g in inside], share, at_least)]
    }


def _nearest(sizes: Sequence[int], share: float, at_least: int) -> int:
    """How many of the first groups come nearest to `share` of all images; ties take fewer."""
    target = share * sum(sizes)
    totals = [0, *accumulate(sizes)]
    counts = range(min(at_least, len(sizes) - 1), len(sizes))
    return min(counts, key=lambda count: (abs(totals[count] - target), count))
