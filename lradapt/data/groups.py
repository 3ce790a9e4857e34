"""Groups: images that belong together, so that they stay in one split and count as one draw."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

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


def find_groups(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage] = ()
) -> list[Group]:
    """Return the groups in the order of their keys; groups that share an image are merged.

    The key of a merged group is the smallest key of its parts.

    Args:
        images: to be grouped.
        joined_by: images that merge the groups that share them, though they may be in none; such as
            copies that were set aside.
    """
    merged_key = _merged_keys(images, joined_by)
    members: defaultdict[str, list[int]] = defaultdict(list)
    for index, image in enumerate(images):
        members[merged_key[_key(image)]].append(index)
    sizes = Counter(image.label for image in images)
    return [
        Group(key, min((images[i].label for i in inside), key=lambda c: (sizes[c], c)), (*inside,))
        for key, inside in sorted(members.items())
    ]


def _merged_keys(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage]
) -> dict[str, str]:
    """Return key -> smallest key of those it is merged with, for the keys of `images`."""
    from scipy.cluster.hierarchy import DisjointSet  # half a second, only where groups are needed

    everyone = [*images, *joined_by]
    keys = [_key(image) for image in everyone]
    sets = DisjointSet(keys)
    first_key: dict[str, str] = {}
    for key, image in zip(keys, everyone, strict=True):
        for shared in filter(None, (image.pixel_sha256, image.joined)):
            sets.merge(key, first_key.setdefault(shared, key))
    own = set(keys[: len(images)])
    parts = [subset & own for subset in sets.subsets()]
    return {key: min(part) for part in parts for key in part}


def mark_joined(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage]
) -> list[LabelledImage]:
    """Return the images; where `joined_by` alone joins groups, their images have it in `joined`.

    So all that counts by groups later takes them for one, though it has only `images`.
    """
    alone, merged = _merged_keys(images, ()), _merged_keys(images, joined_by)
    parts: defaultdict[str, set[str]] = defaultdict(set)
    for key, whole in merged.items():
        parts[whole].add(alone[key])
    wholes = [merged[_key(image)] for image in images]
    return [
        replace(image, joined=whole) if len(parts[whole]) > 1 else image
        for image, whole in zip(images, wholes, strict=True)
    ]


def group_numbers(
    images: Sequence[LabelledImage], joined_by: Sequence[LabelledImage] = ()
) -> list[int]:
    """Return the number of each image's group; the images as `find_groups` takes them."""
    numbers = [0] * len(images)
    for number, group in enumerate(find_groups(images, joined_by)):
        for member in group.members:
            numbers[member] = number
    return numbers


def _key(image: LabelledImage) -> str:
    if not image.group:
        return image.pixel_sha256
    return hashlib.sha256(f"group:{image.group}".encode()).hexdigest()
