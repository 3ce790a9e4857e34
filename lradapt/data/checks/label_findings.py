"""What is wrong between images and labels, and between labelled images.

Each function gives the findings of one kind. Those of `SplitRow`s look at the images that are
decoded and labelled, and have not been set aside for another reason.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from lradapt.data import split
from lradapt.data.checks.findings import Finding, Kind
from lradapt.data.images.ingest import OK, ImageRow
from lradapt.data.images.near_duplicates import Pairs
from lradapt.data.labels import Label
from lradapt.data.split_table import SplitRow


def labels_of(images: Sequence[ImageRow], labels: Sequence[Label]) -> dict[str, Label]:
    """Image -> its label, for the images that have one.

    Names are compared in Unicode's composed form (NFC); macOS writes files in the other.
    """
    by_name = {_composed(label.image): label for label in labels}
    return {
        row.image: by_name[_composed(row.image)]
        for row in images
        if _composed(row.image) in by_name
    }


def label_without_image(images: Sequence[ImageRow], labels: Sequence[Label]) -> list[Finding]:
    """Lines of `labels.csv` that name no file; more often a wrong folder than a lost file."""
    known = {_composed(row.image) for row in images}
    return [
        Finding("label_without_image", label.image, f"no such file (label {label.label})")
        for label in labels
        if _composed(label.image) not in known
    ]


def image_without_label(images: Sequence[ImageRow], label_of: Mapping[str, Label]) -> list[Finding]:
    """Decoded images that no line of `labels.csv` names."""
    return [
        Finding("image_without_label", row.image, "no label", images=(row.image,))
        for row in images
        if row.verdict == OK and row.image not in label_of
    ]


def two_labels(rows: Sequence[SplitRow]) -> list[Finding]:
    """The same pixels under labels that contradict each other; none can be trusted."""
    return [
        _of_twins("two_labels", twins, "the same pixels under two labels", lambda row: row.label)
        for twins in _by(rows, lambda row: row.pixel_sha256)
        if len({row.label for row in twins}) > 1
    ]


def two_groups(rows: Sequence[SplitRow]) -> list[Finding]:
    """The same pixels in two groups; an image without a group contradicts none."""
    grouped = [row for row in rows if row.group]
    return [
        _of_twins("two_groups", twins, "the same pixels in two groups", lambda row: row.group)
        for twins in _by(grouped, lambda row: row.pixel_sha256)
        if len({row.group for row in twins}) > 1
    ]


def duplicate(rows: Sequence[SplitRow]) -> list[Finding]:
    """The same pixels more than once under one label; the first is the one to stay."""
    return [
        Finding(
            "duplicate",
            copies[0].image,
            f"the same pixels as {first.image}",
            images=tuple(copy.image for copy in copies),
            beside=(first.image,),
        )
        for first, *copies in _by(rows, lambda row: (row.pixel_sha256, row.label))
        if copies
    ]


def near_duplicate(rows: Sequence[SplitRow], near: Pairs) -> list[Finding]:
    """Pairs of other pixels that look alike; the first of a pair is the one to stay.

    Within a group that is expected, and harmless: it never straddles the split.

    Args:
        rows: the images.
        near: pairs of rows of the pixels, see `perceptual.near_pairs`.
    """
    by_number = {row.row: row for row in rows}
    pairs = [(by_number.get(first), by_number.get(later)) for first, later in near.tolist()]
    return [
        Finding(
            "near_duplicate",
            later.image,
            f"looks like {first.image}",
            images=(later.image,),
            beside=(first.image,),
        )
        for first, later in pairs
        if first and later and not _together(first, later)
    ]


def straddling(rows: Sequence[SplitRow]) -> list[Finding]:
    """Of a given split, the images whose group or twin stands on a side that judges theirs."""
    judging = (split.TEST, split.VALIDATION, split.TRAIN)
    if not any(row.split for row in rows):
        return []
    return [
        Finding(
            "straddling",
            rows[member].image,
            f"its group or its pixels stand in {side} (split was given)",
            images=(rows[member].image,),
        )
        for group in split.find_groups(examples(rows))
        for side in [min((rows[member].split for member in group.members), key=judging.index)]
        for member in group.members
        if rows[member].split != side
    ]


def few_groups(rows: Sequence[SplitRow]) -> list[Finding]:
    """Classes of one group: it cannot both teach and examine."""
    groups: defaultdict[str, list[tuple[int, ...]]] = defaultdict(list)
    for group in split.find_groups(examples(rows)):
        for label in {rows[member].label for member in group.members}:
            groups[label].append(group.members)
    return [
        Finding(
            "few_groups",
            label,
            f"{len(images)} image(s) in one group",
            images=images,
        )
        for label, (members, *others) in sorted(groups.items())
        for images in [tuple(rows[m].image for m in members if rows[m].label == label)]
        if not others
    ]


def examples(rows: Sequence[SplitRow]) -> list[split.Example]:
    """The rows as the split sees them."""
    return [split.Example(row.label, row.pixel_sha256, row.group) for row in rows]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _together(one: SplitRow, other: SplitRow) -> bool:
    same_group = bool(one.group) and one.group == other.group
    return same_group or one.pixel_sha256 == other.pixel_sha256


def _by(rows: Iterable[SplitRow], key: Callable[[SplitRow], object]) -> list[list[SplitRow]]:
    alike: defaultdict[object, list[SplitRow]] = defaultdict(list)
    for row in rows:
        alike[key(row)].append(row)
    return list(alike.values())


def _of_twins(
    kind: Kind, twins: Sequence[SplitRow], what: str, told: Callable[[SplitRow], str]
) -> Finding:
    return Finding(
        kind,
        twins[0].image,
        f"{what}: " + ", ".join(f"{twin.image} ({told(twin)})" for twin in twins),
        images=tuple(twin.image for twin in twins),
    )
