"""Problems between images and labels, and between labelled images.

Each function returns the findings of one kind. Those that take `LabelledImage`s get the images that
are decoded, labelled and not set aside for another reason.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from lradapt.data.checks.findings import Finding
from lradapt.data.checks.image_checks import VISIBLE
from lradapt.data.checks.problem_kinds import Kind
from lradapt.data.groups import find_groups
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.images.near_duplicates import Pairs
from lradapt.data.labelled_image import SPLITS, TRAIN, LabelledImage
from lradapt.data.similar_groups import find_similar_groups
from lradapt.data.similar_names import find_similar_names


def labels_of(
    images: Sequence[ImageRow], labels: Sequence[LabelledImage]
) -> dict[str, LabelledImage]:
    """Return image -> its line of `labels.csv`, for the images that have one.

    Names are compared in Unicode's composed form (NFC); macOS writes files in the other.
    """
    by_name = {_composed(label.image): label for label in labels}
    return {
        row.image: by_name[_composed(row.image)]
        for row in images
        if _composed(row.image) in by_name
    }


def label_without_image(
    images: Sequence[ImageRow], labels: Sequence[LabelledImage]
) -> list[Finding]:
    """Find lines of `labels.csv` that name no file; often the images folder is the wrong one."""
    known = {_composed(row.image) for row in images}
    return [
        Finding("label_without_image", label.image, f"no such file (label {label.label})")
        for label in labels
        if _composed(label.image) not in known
    ]


def image_without_label(
    images: Sequence[ImageRow], label_of: Mapping[str, LabelledImage]
) -> list[Finding]:
    """Find decoded images that no line of `labels.csv` names."""
    return [
        Finding("image_without_label", row.image, "no label", images=(row.image,))
        for row in images
        if row.verdict == OK and row.image not in label_of
    ]


def annotators_tie(
    images: Sequence[ImageRow], label_of: Mapping[str, LabelledImage]
) -> list[Finding]:
    """Find decoded images on which annotators are tied: none of their labels is chosen."""
    return [
        Finding("annotators_tie", row.image, _votes(label_of[row.image]), images=(row.image,))
        for row in images
        if row.verdict == OK and row.image in label_of and not label_of[row.image].label
    ]


def _votes(image: LabelledImage) -> str:
    """Return the labels of an image with their annotators, such as "cat (eva), dog (bob, jo)"."""
    by_label: defaultdict[str, list[str]] = defaultdict(list)
    for each in image.annotations:
        by_label[each.label].append(each.annotator or "no name")
    return ", ".join(f"{label} ({', '.join(who)})" for label, who in sorted(by_label.items()))


def blank(rows: Sequence[ImageRow], images: Sequence[LabelledImage]) -> list[Finding]:
    """Find images of one value; equal ones with several labels or groups are to be set aside."""
    names = {row.image for row in rows if row.low == row.high and row.opacity >= VISIBLE}
    blanks = [image for image in images if image.image in names]
    return [
        finding
        for alike in _by(blanks, lambda image: image.pixel_sha256)
        for finding in _without_content("blank", alike, "one value throughout")
    ]


def transparent(rows: Sequence[ImageRow], images: Sequence[LabelledImage]) -> list[Finding]:
    """Find invisible images; if they have several labels or groups, all are to be set aside."""
    names = {row.image for row in rows if row.opacity < VISIBLE}
    invisible = [image for image in images if image.image in names]
    return _without_content("transparent", invisible, "no pixel is more than 12 % opaque")


def two_labels(images: Sequence[LabelledImage]) -> list[Finding]:
    """Find duplicates under different labels, none of which can be trusted."""
    return _contradictions("two_labels", images, lambda image: image.label)


def two_groups(images: Sequence[LabelledImage]) -> list[Finding]:
    """Find duplicates in different groups; an image without a group contradicts none."""
    return _contradictions("two_groups", [i for i in images if i.group], lambda image: image.group)


def duplicate(images: Sequence[LabelledImage]) -> list[Finding]:
    """Find duplicates under one label; one is kept, see `_kept_first`."""
    return [
        Finding(
            "duplicate",
            copies[0].image,
            f"the same pixels as {first.image}",
            images=tuple(copy.image for copy in copies),
            beside=(first.image,),
        )
        for alike in _by(images, lambda image: (image.pixel_sha256, image.label))
        for first, *copies in [_kept_first(alike)]
        if copies
    ]


def near_duplicate(images: Sequence[LabelledImage], near: Pairs) -> list[Finding]:
    """Find pairs of different pixels that look alike; one is kept, see `_kept_first`.

    Pairs within a group are left out: a group is in one split anyway.
    """
    by_row = {image.row: image for image in images}
    pairs = [(by_row.get(first), by_row.get(later)) for first, later in near.tolist()]
    return [
        Finding(
            "near_duplicate",
            later.image,
            f"looks like {first.image}",
            images=(later.image,),
            beside=(first.image,),
        )
        for pair in pairs
        if pair[0] and pair[1] and not _in_one_group(pair[0], pair[1])
        for first, later in [_kept_first([pair[0], pair[1]])]
    ]


def split_leak(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage]
) -> list[Finding]:
    """Find images of a given split whose group or duplicates are in a later one.

    Test keeps its images, then validation: an image of the test set must not be trained on.

    Args:
        images: that remain.
        joined_by: see `find_groups`.
    """
    if not any(image.split for image in images):
        return []
    return [
        Finding(
            "split_leak",
            image.image,
            f"its group or a duplicate is in {kept} (given by the column split)",
            images=(image.image,),
        )
        for members in _groups(images, joined_by)
        for kept in [max((image.split for image in members), key=SPLITS.index)]
        for image in members
        if image.split != kept
    ]


def similar_names(images: Sequence[LabelledImage]) -> list[Finding]:
    """Find classes whose name may be another spelling of that of a larger class."""
    sizes = Counter(image.label for image in images)
    return [
        Finding(
            "similar_names",
            similar.name,
            f"{similar.images} image(s); the class {similar.like!r} has {similar.like_images}",
            images=tuple(image.image for image in images if image.label == similar.name),
        )
        for similar in find_similar_names(sizes)
    ]


def similar_groups(images: Sequence[LabelledImage]) -> list[Finding]:
    """Find groups whose name may be another spelling of that of a larger group."""
    images_of: defaultdict[str, list[str]] = defaultdict(list)
    for image in images:
        if image.group:
            images_of[image.group].append(image.image)
    sizes = {group: len(names) for group, names in images_of.items()}
    return [
        Finding(
            "similar_groups",
            similar.name,
            f"{similar.images} image(s); the group {similar.like!r} has {similar.like_images}",
            images=tuple(images_of[similar.name]),
        )
        for similar in find_similar_groups(sizes)
    ]


def few_groups(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage]
) -> list[Finding]:
    """Find classes of one group, which cannot be in both train and test.

    Args:
        images: that remain.
        joined_by: see `find_groups`.
    """
    by_class: defaultdict[str, list[tuple[str, ...]]] = defaultdict(list)
    for members in _groups(images, joined_by):
        for label in {image.label for image in members}:
            names = tuple(image.image for image in members if image.label == label)
            by_class[label].append(names)
    return [
        Finding("few_groups", label, f"{len(names)} image(s) in one group", images=names)
        for label, (names, *others) in sorted(by_class.items())
        if not others
    ]


def _without_content(kind: Kind, images: Sequence[LabelledImage], what: str) -> list[Finding]:
    """Return a finding for each image; it sets aside where labels or groups differ.

    One class may consist of empty pictures; but a picture of nothing says nothing about which of
    two classes it belongs to, and would join the groups of all patients.
    """
    labels = sorted({image.label for image in images})
    several = len(labels) > 1 or len({image.group for image in images if image.group}) > 1
    also = f", under {len(labels)} labels ({', '.join(labels[:3])})" if len(labels) > 1 else ""
    return [
        Finding(kind, image.image, what + also, images=(image.image,) if several else ())
        for image in images
    ]


def _kept_first(alike: Sequence[LabelledImage]) -> list[LabelledImage]:
    """Return images that are alike, those of a given test split first, then those of validation.

    A copy of a test image must not be trained on. The order within a split stays, which is that of
    the names.
    """
    return sorted(alike, key=lambda image: -SPLITS.index(image.split or TRAIN))


def _groups(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage]
) -> list[list[LabelledImage]]:
    groups = find_groups(images, joined_by)
    return [[images[member] for member in group.members] for group in groups]


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _in_one_group(one: LabelledImage, other: LabelledImage) -> bool:
    same_group = bool(one.group) and one.group == other.group
    return same_group or one.pixel_sha256 == other.pixel_sha256


def _by(
    images: Iterable[LabelledImage], key: Callable[[LabelledImage], object]
) -> list[list[LabelledImage]]:
    alike: defaultdict[object, list[LabelledImage]] = defaultdict(list)
    for image in images:
        alike[key(image)].append(image)
    return list(alike.values())


def _contradictions(
    kind: Kind, images: Sequence[LabelledImage], value: Callable[[LabelledImage], str]
) -> list[Finding]:
    """Find duplicates that differ in a value, their label or their group."""
    words = kind.replace("_", " ")
    return [
        Finding(
            kind,
            duplicates[0].image,
            f"the same pixels with {words}: "
            + ", ".join(f"{image.image} ({value(image)})" for image in duplicates),
            images=tuple(image.image for image in duplicates),
        )
        for duplicates in _by(images, lambda image: image.pixel_sha256)
        if len({value(image) for image in duplicates}) > 1
    ]
