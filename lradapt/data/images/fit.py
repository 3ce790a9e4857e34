"""How an image that is not square becomes a square: `crop`, `pad` or `squash`; and which suits."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log
from statistics import median, quantiles
from typing import Literal

from PIL import Image

Fit = Literal["crop", "pad", "squash"]
"""`crop`: the centre square. `pad`: all of it, in its shape, with black beside it. `squash`: all of
it, stretched to a square."""

LONG = 1.5
"""The aspect ratio from which the centre square loses a third of an image or more."""
_FEW_SHARE = 0.1  # of long images, which are found and reported one by one
_ALIKE = 1.2  # ratio between the aspect ratios of a set of one shape


@dataclass(frozen=True, slots=True)
class FitChoice:
    """A choice, and a sentence about why."""

    fit: Fit
    reason: str


def fit_square(image: Image.Image, size: int, fit: Fit = "crop") -> Image.Image:
    """Return a square of `size` pixels, resized with an antialiased bilinear filter.

    Args:
        image: RGB.
        size: side of the square.
        fit: what becomes of the shape.
    """
    if image.size == (size, size):
        return image
    width, height = image.size
    if fit == "pad":
        return _padded(image, size)
    if fit == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR, reducing_gap=1.0)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    # A gap of 1: whole factors by averaging first, a third faster, 0.5 of 255 away in the mean.
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=1.0)


def _padded(image: Image.Image, size: int) -> Image.Image:
    """Do as `ImageOps.pad`, which fails where the shorter side would have no pixel."""
    longer = max(image.size)
    width, height = (max(1, round(side / longer * size)) for side in image.size)
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    square = Image.new("RGB", (size, size))
    square.paste(resized, (round((size - width) / 2), round((size - height) / 2)))
    return square


def aspect_ratio(width: int, height: int) -> float:
    """Return the longer side divided by the shorter, 1 or more."""
    return max(width, height) / min(width, height)


def choose_fit(sizes: Sequence[tuple[int, int]]) -> FitChoice:
    """Choose what suits images of these sizes (width, height), and say why.

    `crop` while few images are long; else `squash` if all have one shape, which then is learned as
    it is; else `pad`, which keeps the shapes.
    """
    ratios = [aspect_ratio(*size) for size in sizes]
    share = sum(ratio >= LONG for ratio in ratios) / len(ratios) if ratios else 0.0
    if share <= _FEW_SHARE:
        return FitChoice(
            "crop", f"{share:.0%} of the images have an aspect ratio of {LONG:g} or more"
        )
    found = (
        f"{share:.0%} of the images have an aspect ratio of {LONG:g} or more (median "
        f"{median(ratios):.1f}), of which the centre square shows a part only"
    )
    if _are_alike(sizes):
        return FitChoice("squash", f"{found}; they have one shape, so all of it is squashed")
    return FitChoice("pad", f"{found}; their shapes differ, so they keep them")


def _are_alike(sizes: Sequence[tuple[int, int]]) -> bool:
    shapes = [log(width / height) for width, height in sizes]
    if len(shapes) < 2:
        return True
    low, *_, high = quantiles(shapes, n=20, method="inclusive")
    return high - low <= log(_ALIKE)
