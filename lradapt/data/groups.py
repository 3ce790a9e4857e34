"""Groups: images that belong together, so that they stay in one split and count as one draw."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from lradapt.data.labelled_image import LabelledImage


@dataclass(frozen=True, slots=True)
class Group:
    """Images that belong together.

    Attributes:
        key: a hash, hexadecimal; the order of the keys is the order of the groups.
        label: the rarest class of its images.
        members: positions of its images in the list that was grouped.
    """

    key: str
    label: str
    members: tuple[int, ...]


def find_groups(images: Sequence[LabelledImage]) -> list[Group]:
    """Return the groups in the order of their keys; groups that share an image are merged.

    The key of a merged group is the smallest key of its parts.
    """
    from scipy.cluster.hierarchy import DisjointSet  # half a second, only where groups are needed

    keys = [_key(image) for image in images]
    sets = DisjointSet(keys)
    first_key: dict[str, str] = {}
    for key, image in zip(keys, images, strict=True):
        sets.merge(key, first_key.setdefault(image.pixel_sha256, key))
    merged_key = {key: min(subset) for subset in sets.subsets() for key in subset}
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        members[merged_key[key]].append(index)
    sizes = Counter(image.label for image in images)
    return [
        Group(key, min((images[i].label for i in inside), key=lambda c: (sizes[c], c)), (*inside,))
        for key, inside in sorted(members.items())
    ]


def group_numbers(images: Sequence[LabelledImage]) -> list[int]:
    """Return the number of each image's group."""
    numbers = [0] * len(images)
    for number, group in enumerate(find_groups(images)):
        for member in group.members:
            numbers[member] = number
    return numbers


def _key(image: LabelledImage) -> str:
    if not image.group:
        return image.pixel_sha256
    return hashlib.sha256(f"group:{image.group}".encode()).hexdigest()
