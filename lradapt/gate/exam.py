"""Which images two models are judged on: those from which neither, nor an ancestor, has learnt."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lradapt.data.split import Example, find_groups

PartName = Literal["old", "new", "relabelled"]
PARTS: tuple[PartName, ...] = ("old", "new", "relabelled")


@dataclass(frozen=True, slots=True)
class ExamImage:
    """A test image as the gate sees it; `group` may be empty."""

    image: str
    label: str
    pixel_sha256: str
    group: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a model has learnt from, its validation split included: pixel hashes and groups."""

    pixel_sha256s: frozenset[str]
    groups: frozenset[str]

    def __contains__(self, image: ExamImage) -> bool:
        same_group = image.group != "" and image.group in self.groups
        return same_group or image.pixel_sha256 in self.pixel_sha256s


def unseen(exam: Sequence[ExamImage], learnt: Collection[Learnt]) -> list[ExamImage]:
    """The images from which none of the models has learnt."""
    return [image for image in exam if not any(image in seen for seen in learnt)]


def group_numbers(exam: Sequence[ExamImage]) -> list[int]:
    """For each image the number of its group; the groups of pixel twins are merged."""
    examples = [Example(image.label, image.pixel_sha256, image.group) for image in exam]
    numbers = [0] * len(exam)
    for number, group in enumerate(find_groups(examples)):
        for member in group.members:
            numbers[member] = number
    return numbers


def part_of(image: ExamImage, known: Mapping[str, str]) -> PartName:
    """What the image is to the champion.

    Args:
        image: of today's exam.
        known: pixel hash -> label, of the exam that the champion's version was published with.

    Returns:
        "old": in that exam under the same label; "relabelled": under another; "new": not in it.
    """
    if image.pixel_sha256 not in known:
        return "new"
    return "old" if known[image.pixel_sha256] == image.label else "relabelled"
