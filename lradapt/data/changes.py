"""What differs between two versions of the data, image by image: a pure comparison."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lradapt.data.split import TEST

ADDED, REMOVED, RELABELLED = "added", "removed", "relabelled"
MOVED_GROUP, MOVED_SPLIT, CHANGED_PIXELS = "moved group", "moved split", "changed pixels"
KINDS = (ADDED, REMOVED, RELABELLED, MOVED_GROUP, MOVED_SPLIT, CHANGED_PIXELS)
"""A side is moved where `labels.csv` gives another one; what the split draws is no change."""


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled image of a version.

    Attributes:
        label: class name.
        group: as in `labels.csv`; may be empty.
        given_split: as in `labels.csv`; empty where the split is drawn.
        pixel_sha256: of the full-size pixels; empty where unknown or not decoded.
        split: on which it stands; empty where unknown or set aside.
    """

    label: str
    group: str = ""
    given_split: str = ""
    pixel_sha256: str = ""
    split: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """The data at one time.

    Attributes:
        rows: image -> what is known of it.
        has_pixels: whether the hashes of the pixels are known.
        has_splits: whether the sides are known.
    """

    rows: Mapping[str, Row] = field(default_factory=dict)
    has_pixels: bool = False
    has_splits: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one image.

    Attributes:
        image: its name in both versions.
        kinds: of `KINDS`, in that order; an added or removed image has that kind alone.
        before: None where it was added.
        after: None where it was removed.
    """

    image: str
    kinds: tuple[str, ...]
    before: Row | None
    after: Row | None

    @property
    def in_test(self) -> bool:
        """Whether it stood in test before, or does so now."""
        return any(row is not None and row.split == TEST for row in (self.before, self.after))

    @property
    def classes(self) -> set[str]:
        """The class it was in, and the one it is in: one or two."""
        return {row.label for row in (self.before, self.after) if row is not None}


@dataclass(frozen=True, slots=True)
class Changes:
    """All that differs between two versions.

    Attributes:
        rows: an entry for each image that has changed, by name.
        before: class -> images in the old version.
        after: class -> images in the new version.
        pixels_compared: False where either version lacks the hashes of its pixels.
        test_known: False where both versions lack their sides.
    """

    rows: tuple[Change, ...]
    before: Mapping[str, int]
    after: Mapping[str, int]
    pixels_compared: bool
    test_known: bool


@dataclass(frozen=True, slots=True)
class Count:
    """How many images, and how many of them stand in test in either version."""

    images: int
    in_test: int


@dataclass(frozen=True, slots=True)
class ClassCount:
    """What became of one class.

    Attributes:
        before: images in the old version.
        after: images in the new version.
        added, removed: images that are in one version alone.
        relabelled_to, relabelled_from: images that came from, and went to, another class.
        other: images that moved their group or side, or changed their pixels, within it.
        changed: images of the class, in either version, that changed in any way.
        in_test: those of `changed` that stand in test in either version.
        share: `changed` over all images that are of the class in either version, in [0, 1].
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
    """What must happen to `old` to become `new`.

    An image is the same image where its name is the same; a renamed one is removed and added.
    """
    pixels = old.has_pixels and new.has_pixels
    found = (
        Change(image, kinds, before, after)
        for image in sorted(old.rows.keys() | new.rows.keys())
        for before, after in [(old.rows.get(image), new.rows.get(image))]
        if before != after
        for kinds in [tuple(_kinds(before, after, pixels))]
        if kinds
    )
    return Changes(
        tuple(found),
        Counter(row.label for row in old.rows.values()),
        Counter(row.label for row in new.rows.values()),
        pixels_compared=pixels,
        test_known=old.has_splits or new.has_splits,
    )


def _kinds(before: Row | None, after: Row | None, pixels: bool) -> Iterator[str]:
    if before is None or after is None:
        yield REMOVED if after is None else ADDED
        return
    if before.label != after.label:
        yield RELABELLED
    if before.group != after.group:
        yield MOVED_GROUP
    if before.given_split != after.given_split:
        yield MOVED_SPLIT
    if pixels and before.pixel_sha256 != after.pixel_sha256:
        yield CHANGED_PIXELS


def count_all(changes: Changes) -> Count:
    """The images that have changed in any way."""
    return _counted(changes.rows)


def count_kinds(changes: Changes) -> dict[str, Count]:
    """Kind -> images, for the kinds that occur; an image of two kinds counts in both."""
    by_kind = {kind: [row for row in changes.rows if kind in row.kinds] for kind in KINDS}
    return {kind: _counted(rows) for kind, rows in by_kind.items() if rows}


def count_relabellings(changes: Changes) -> dict[tuple[str, str], Count]:
    """(From, to) -> images, the most frequent first: the matrix without its zeros."""
    images: Counter[tuple[str, str]] = Counter()
    in_test: Counter[tuple[str, str]] = Counter()
    for row in changes.rows:
        if row.before and row.after and RELABELLED in row.kinds:
            pair = row.before.label, row.after.label
            images[pair] += 1
            in_test[pair] += row.in_test
    order = sorted(images, key=lambda pair: (-images[pair], pair))
    return {pair: Count(images[pair], in_test[pair]) for pair in order}


def count_classes(changes: Changes) -> dict[str, ClassCount]:
    """Class -> what became of it, for the classes in which anything has changed, by name."""
    by_class: dict[str, list[Change]] = {}
    for row in changes.rows:
        for name in row.classes:
            by_class.setdefault(name, []).append(row)
    return {name: _class_count(name, by_class[name], changes) for name in sorted(by_class)}


def _class_count(name: str, rows: list[Change], changes: Changes) -> ClassCount:
    kinds = Counter(kind for row in rows for kind in row.kinds)
    came = sum(_is_of(row.after, name) and not _is_of(row.before, name) for row in rows)
    went = sum(_is_of(row.before, name) and not _is_of(row.after, name) for row in rows)
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


def _is_of(row: Row | None, name: str) -> bool:
    return row is not None and row.label == name


def _counted(rows: Iterable[Change]) -> Count:
    sides = [row.in_test for row in rows]
    return Count(len(sides), sum(sides))
