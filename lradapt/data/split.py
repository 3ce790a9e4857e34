"""The split into train, validation and test: a pure function of labels, groups and pixels.

The rule (docs/method.md, "The split"): images of one group stay together, and so do duplicates and
their groups, also where a copy is set aside. A group counts to its rarest class. In each class,
groups are taken in the order of their hashes until test is nearest to its share, with at least one
group in train and one in test. There is no seed and no state: the split is the same on every
machine, and an added image moves only the groups at the border.

Images that a model has chosen (`lradapt queue`) go to train, with their groups, and do not count
for the shares: they are not a sample of what the model meets, so nothing may be measured on them.
"""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate

from lradapt.data.groups import Group, find_groups
from lradapt.data.labelled_image import CHOSEN, TEST, TRAIN, VALIDATION, LabelledImage


def assign_splits(
    images: Sequence[LabelledImage],
    joined_by: Sequence[LabelledImage] = (),
    *,
    train_per_test: float,
    validation_share: float,
) -> list[str]:
    """Return the split of each image: "train", "validation" or "test".

    A class of a single group goes to train as a whole.

    Args:
        images: in any order, which changes nothing; the splits that they have are ignored.
        joined_by: see `find_groups`.
        train_per_test: images of the training split for each test image; 5 for 5:1.
        validation_share: share of the training split that becomes "validation", in [0, 1).
    """
    groups = find_groups(images, joined_by)
    sample = _sample(images, groups)
    test = _choose(sample, 1 / (train_per_test + 1), 1, order=lambda group: group.key)
    split_of = {group.key: TEST for group in test}
    rest = [group for group in sample if group.key not in split_of]
    return _splits(images, groups, split_of | _validation(rest, validation_share))


def validation_from_train(
    images: Sequence[LabelledImage],
    joined_by: Sequence[LabelledImage] = (),
    *,
    validation_share: float,
) -> list[str]:
    """Choose validation images within a given training split, by the same rule."""
    groups = find_groups(images, joined_by)
    return _splits(images, groups, _validation(_sample(images, groups), validation_share))


def _sample(images: Sequence[LabelledImage], groups: Sequence[Group]) -> list[Group]:
    """Return the groups of which no image was chosen by a model."""
    return [
        group
        for group in groups
        if not any(images[member].queue == CHOSEN for member in group.members)
    ]


def _splits(
    images: Sequence[LabelledImage], groups: Sequence[Group], split_of: dict[str, str]
) -> list[str]:
    splits = [TRAIN] * len(images)
    for group in groups:
        for member in group.members:
            splits[member] = split_of.get(group.key, TRAIN)
    return splits


def _validation(groups: Sequence[Group], share: float) -> dict[str, str]:
    """Return group key -> "validation", for the groups that become validation."""
    return {group.key: VALIDATION for group in _choose(groups, share, 0, order=_validation_key)}


def _validation_key(group: Group) -> str:
    # "tune:" is a fixed salt: with another one, every validation split would change.
    return hashlib.sha256(f"tune:{group.key}".encode()).hexdigest()


def _choose(
    groups: Sequence[Group], share: float, at_least: int, order: Callable[[Group], str]
) -> list[Group]:
    by_class: defaultdict[str, list[Group]] = defaultdict(list)
    for group in sorted(groups, key=order):
        by_class[group.label].append(group)
    return [
        group
        for inside in by_class.values()
        for group in inside[: _nearest([len(g.members) for g in inside], share, at_least)]
    ]


def _nearest(sizes: Sequence[int], share: float, at_least: int) -> int:
    """Return how many of the first groups come nearest to `share` of all images, at a tie fewer."""
    target = share * sum(sizes)
    totals = [0, *accumulate(sizes)]
    counts = range(min(at_least, len(sizes) - 1), len(sizes))
    return min(counts, key=lambda count: (abs(totals[count] - target), count))
