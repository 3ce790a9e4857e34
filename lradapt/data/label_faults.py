"""What is wrong with the cells of `labels.csv`: names, paths, splits and picks, each in words."""

import re
from collections.abc import Sequence
from functools import cache

from lradapt.data.images.file_names import file_name_fault
from lradapt.data.labelled_image import (
    CHOSEN,
    PICKS,
    SPLITS,
    TEST,
    TRAIN,
    VALIDATION,
    LabelledImage,
)
from lradapt.errors import DataError
from lradapt.text import letters_fault

_OUTSIDE = re.compile(r"/|[a-zA-Z]:/|(.*/)?\.\.(/|\Z)", re.DOTALL)


def cell_faults(lines: Sequence[int], labels: Sequence[LabelledImage]) -> list[str]:
    """Return what is wrong with the cells of `labels.csv`, each fault with its line.

    Args:
        lines: the number of each line in the file.
        labels: the labelled image of each line.
    """
    given = any(label.split for label in labels)
    return [
        f"line {number} ({label.image or 'no image'}): {fault}"
        for number, label in zip(lines, labels, strict=True)
        for fault in (
            _image_fault(label.image),
            _class_fault(label.label),
            _split_fault(label.split) if given else "",
            group_fault(label.group),
            _queue_fault(label),
        )
        if fault
    ]


def _image_fault(image: str) -> str:
    if not image:
        return "the image is empty; fill it in or remove the line"
    if leads_outside(image):
        return "the path leads outside the images folder; name a file in it"
    return file_name_fault(image)


def _class_fault(name: str) -> str:
    return name_fault(name) if name else "the label is empty; fill it in or remove the line"


def _split_fault(split: str) -> str:
    return "" if split in SPLITS else f"split {split!r}, expected one of {', '.join(SPLITS)}"


def _queue_fault(label: LabelledImage) -> str:
    """Return what is wrong with the cell of the column `queue`; "" for nothing."""
    if label.queue not in ("", *PICKS):
        return f"queue {label.queue!r}, expected {' or '.join(PICKS)}, or nothing"
    if label.queue == CHOSEN and label.split in (VALIDATION, TEST):
        return (
            f"a {CHOSEN} image in the split {label.split!r}: it was picked by the answer of a "
            f"model, so it must be in {TRAIN!r}"
        )
    return ""


@cache  # each name is in many lines
def name_fault(name: str) -> str:
    """Return what is wrong with the name of a class; "" for nothing."""
    return letters_fault("class name", name, "rename the class")


@cache  # likewise
def group_fault(group: str) -> str:
    """Return what is wrong with a group; "" for nothing."""
    return letters_fault("group", group, "rename the group")


def require_plain_group(group: str) -> None:
    """Check a group.

    Raises:
        DataError: it has control characters.
    """
    if fault := group_fault(group):
        raise DataError(fault)


def leads_outside(image: str) -> bool:
    """Return whether a path relative to the images folder would leave it."""
    return _OUTSIDE.match(image.replace("\\", "/")) is not None
