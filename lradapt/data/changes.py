"""The differences between two versions of the data, image by image: a pure comparison."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lradapt.data.labelled_image import TEST, LabelledImage

ADDED, REMOVED, RELABELLED = "added", "removed", "relabelled"
MOVED_GROUP, MOVED_SPLIT, CHANGED_PIXELS = "moved group", "moved split", "changed pixels"
KINDS = (ADDED, REMOVED, RELABELLED, MOVED_GROUP, MOVED_SPLIT, CHANGED_PIXELS)
"""An image has moved its split where `labels.csv` gives another one; a drawn split is no change."""


@dataclass(frozen=True, slots=True)
class Version:
    """The data at one time.

    Attributes:
        images: name -> the image; its split is the one that `labels.csv` gives, or empty.
        split_of: name -> assigned split; an image that was set aside has none.
        has_pixels: whether the hashes of the pixels are known.
        has_splits: whether the assigned splits are known.
    """

    images: Mapping[str, LabelledImage] = field(default_factory=dict)
    split_of: Mapping[str, str] = field(default_factory=dict)
    has_pixels: bool = False
    has_splits: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """How one image differs between two versions.

    Attributes:
        image: its name in both versions.
        kinds: of `KINDS`, in that order; an added or removed image has that kind alone.
        before, after: the image in each version; None where it was added, or removed.
        split_before, split_after: its assigned split; empty where unknown or set aside.
    """

    image: str
    kinds: tuple[str, ...]
    before: LabelledImage | None
    after: LabelledImage | None
    split_before: str = ""
    split_after: str = ""

    @property
    def in_test(self) -> bool:
        """Whether the image is in test in either version."""
        return TEST in (self.split_before, self.split_after)

    @property
    def classes(self) -> set[str]:
        """The class before and the class after: two names, or one; none where it had no label."""
        return {i.label for i in (self.before, self.after) if i is not None and i.label}


@dataclass(frozen=True, slots=True)
class Changes:
    """All differences between two versions.

    Attributes:
        rows: an entry for each image that has changed, by name.
        before: class -> images in the old version.
        after: class -> images in the new version.
        pixels_compared: False where either version lacks the hashes of its pixels.
        test_known: False where both versions lack their assigned splits.
    """

    rows: tuple[Change, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]
    pixels_compared: bool
    test_known: bool


@dataclass(frozen=True, slots=True)
class Count:
    """The number of images, and of those that are in test in either version."""

    images: int
    in_test: int


@dataclass(frozen=True, slots=True)
class ClassCount:
    """The changes of one class.

    Attributes:
        before: images in the old version.
        after: images in the new version.
        added, removed: images that are in one version alone.
        relabelled_to, relabelled_from: images that came from, and went to, another class.
        other: images of the class whose group, given split or pixels changed.
        changed: images of the class, in either version, that changed in any way.
        in_test: those of `changed` that are in test in either version.
        share: `changed` over all images that have the class in either version, in [0, 1].
    """

    before: int
    after: int
    added: int
    removed: int
    relabelled_to: int
    relabelled_from: int
    other: int
    changed: int
    in_test: int
    share: float


def compare(old: Version, new: Version) -> Changes:
    """Compare two versions.

    Images are matched by name; a renamed image is removed and added.
    """
    pixels = old.has_pixels and new.has_pixels
    found = (
        Change(image, kinds, *states, old.split_of.get(image, ""), new.split_of.get(image, ""))
        for image in sorted(old.images.keys() | new.images.keys())
        for states in [(old.images.get(image), new.images.get(image))]
        for kinds in [tuple(_kinds(*states, pixels))]
        if kinds
    )
    return Changes(
        tuple(found),
        Counter(image.label for image in old.images.values()),
        Counter(image.label for image in new.images.values()),
        pixels_compared=pixels,
        test_known=old.has_splits or new.has_splits,
    )


def _kinds(
    before: LabelledImage | None, after: LabelledImage | None, pixels: bool
) -> Iterator[str]:
    if before is None or after is None:
        yield REMOVED if after is None else ADDED
        return
    if before.label != after.label:
        yield RELABELLED
    if before.group != after.group:
        yield MOVED_GROUP
    if before.split != after.split:
        yield MOVED_SPLIT
    if pixels and before.pixel_sha256 != after.pixel_sha256:
        yield CHANGED_PIXELS


def count_all(changes: Changes) -> Count:
    """Count the images that have changed in any way."""
    return _counted(changes.rows)


def count_kinds(changes: Changes) -> dict[str, Count]:
    """Return kind -> images, for the kinds that occur; an image of two kinds counts in both."""
    by_kind = {kind: [row for row in changes.rows if kind in row.kinds] for kind in KINDS}
    return {kind: _counted(rows) for kind, rows in by_kind.items() if rows}


def count_relabellings(changes: Changes) -> dict[tuple[str, str], Count]:
    """Return (old label, new label) -> images, the most frequent first."""
    by_pair: dict[tuple[str, str], list[Change]] = {}
    for row in changes.rows:
        if row.before and row.after and RELABELLED in row.kinds:
            by_pair.setdefault((row.before.label, row.after.label), []).append(row)
    order = sorted(by_pair, key=lambda pair: (-len(by_pair[pair]), pair))
    return {pair: _counted(by_pair[pair]) for pair in order}


def count_classes(changes: Changes) -> dict[str, ClassCount]:
    """Return class -> its changes, for the classes that have any, by name."""
    by_class: dict[str, list[Change]] = {}
    for row in changes.rows:
        for name in row.classes:
            by_class.setdefault(name, []).append(row)
    return {name: _class_count(name, by_class[name], changes) for name in sorted(by_class)}


def _class_count(name: str, rows: list[Change], changes: Changes) -> ClassCount:
    kinds = Counter(kind for row in rows for kind in row.kinds)
    came = sum(_has_label(row.after, name) and not _has_label(row.before, name) for row in rows)
    went = sum(_has_label(row.before, name) and not _has_label(row.after, name) for row in rows)
    return ClassCount(
        before=changes.before.get(name, 0),
        after=changes.after.get(name, 0),
        added=kinds[ADDED],
        removed=kinds[REMOVED],
        relabelled_to=came - kinds[ADDED],
        relabelled_from=went - kinds[REMOVED],
        other=len(rows) - came - went,
        changed=len(rows),
        in_test=sum(row.in_test for row in rows),
        share=len(rows) / (changes.before.get(name, 0) + came),
    )


def _has_label(image: LabelledImage | None, name: str) -> bool:
    return image is not None and image.label == name


def _counted(rows: Iterable[Change]) -> Count:
    in_test = [row.in_test for row in rows]
    return Count(len(in_test), sum(in_test))
