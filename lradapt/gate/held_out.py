"""Held-out images: test images that neither of two models, nor an ancestor, was trained on.

Each published version keeps two tables for this. `trained_on.csv` lists the images that it was
trained on, and `test_images.csv` those that it was evaluated on.
"""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lradapt.data.labelled_image import TEST, LabelledImage

PartName = Literal["old", "new", "relabelled"]
PARTS: tuple[PartName, ...] = ("old", "new", "relabelled")


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """The training and validation images of a version and its ancestors: pixel hashes, groups."""

    pixel_sha256s: frozenset[str]
    groups: frozenset[str]

    def __contains__(self, image: LabelledImage) -> bool:
        same_group = image.group != "" and image.group in self.groups
        return same_group or image.pixel_sha256 in self.pixel_sha256s


def held_out(
    test_images: Sequence[LabelledImage], trained_on: Collection[TrainedOn]
) -> list[LabelledImage]:
    """Return the images that none of the models was trained on.

    Groups that a copy which was set aside joins (`joined`) are one group.
    """
    unseen = [image for image in test_images if not any(image in each for each in trained_on)]
    joined = {image.joined for image in {*test_images} - {*unseen}} - {""}
    return [image for image in unseen if image.joined not in joined]


def part_of(image: LabelledImage, known: Mapping[str, str]) -> PartName:
    """Return how an image relates to the champion's test images.

    Args:
        image: of today's test images.
        known: pixel hash -> label, of the test images that the champion was published with.

    Returns:
        "old": in them under the same label; "relabelled": under another; "new": not in them.
    """
    if image.pixel_sha256 not in known:
        return "new"
    return "old" if known[image.pixel_sha256] == image.label else "relabelled"


def write_trained_on(images: Iterable[LabelledImage], ancestor: bytes = b"") -> bytes:
    """Return `trained_on.csv`: pixel hash and group of each training and validation image.

    Args:
        images: of `split.csv`.
        ancestor: `trained_on.csv` of the version whose weights the training started from.
    """
    seen = {(image.pixel_sha256, image.group) for image in images if image.split != TEST}
    seen |= {(line["pixel_sha256"], line["group"]) for line in _lines(ancestor)}
    return _table(("pixel_sha256", "group"), seen)


def read_trained_on(content: bytes) -> TrainedOn:
    """Read what `write_trained_on` returned."""
    lines = _lines(content)
    return TrainedOn(
        frozenset(line["pixel_sha256"] for line in lines),
        frozenset(line["group"] for line in lines),
    )


def write_test_images(images: Iterable[LabelledImage]) -> bytes:
    """Return `test_images.csv`: pixel hash and label of each test image of `split.csv`."""
    rows = {(image.pixel_sha256, image.label) for image in images if image.split == TEST}
    return _table(("pixel_sha256", "label"), rows)


def read_test_images(content: bytes) -> dict[str, str]:
    """Read what `write_test_images` returned: pixel hash -> label."""
    return {line["pixel_sha256"]: line["label"] for line in _lines(content)}


def _table(columns: tuple[str, str], rows: Iterable[tuple[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(sorted(rows))
    return text.getvalue().encode()


def _lines(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode())))
