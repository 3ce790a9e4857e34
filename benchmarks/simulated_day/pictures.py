"""The images of the day: those of the training, of the morning, and of the afternoon."""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from lradapt.errors import LradaptError

_RARER_SHARE = 0.7
_BRIGHTNESS, _BLUR = 0.6, 0.7


@dataclass(frozen=True, slots=True)
class Picture:
    """An image file of the day.

    Attributes:
        path: of the file.
        name: of its true class.
        shifted: taken with the other camera: darker, and not as sharp.
    """

    path: Path
    name: str
    shifted: bool = False

    def content(self) -> bytes:
        """Return the file as it is sent, as PNG."""
        with Image.open(self.path) as file:
            image = file.convert("RGB")
        if self.shifted:
            image = ImageEnhance.Brightness(image).enhance(_BRIGHTNESS)
            image = image.filter(ImageFilter.GaussianBlur(_BLUR))
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Day:
    """All images, none of them twice.

    Attributes:
        training: two of the classes have fewer images than the others.
        morning: with the shares of the training.
        afternoon: with equal shares, all of the other camera.
    """

    training: tuple[Picture, ...]
    morning: tuple[Picture, ...]
    afternoon: tuple[Picture, ...]


def draw_day(images: Path, num_training: int, num_requests: int, seed: int) -> Day:
    """Draw the images of a day from IMAGES/CLASS/FILE.

    Args:
        images: the folder.
        num_training: about so many images to train on.
        num_requests: half of them in the morning.
        seed: of the draw.

    Raises:
        LradaptError: there are fewer than three classes, or too few images.
    """
    numbers = np.random.default_rng(seed)
    left = {
        folder.name: _mixed((Picture(path, folder.name) for path in _files(folder)), numbers)
        for folder in sorted(images.iterdir())
        if folder.is_dir()
    }
    if len(left) < 3:
        raise LradaptError(f"{images} has {len(left)} classes; expected at least 3 folders")
    uneven = _uneven(list(left))
    half = num_requests // 2
    training = _take(left, uneven, num_training)
    morning = _take(left, uneven, half)
    afternoon = _take(left, dict.fromkeys(left, 1 / len(left)), half)
    later = tuple(Picture(each.path, each.name, shifted=True) for each in afternoon)
    return Day(tuple(training), tuple(_mixed(morning, numbers)), tuple(_mixed(later, numbers)))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if path.is_file())


def _uneven(names: list[str]) -> dict[str, float]:
    """Return the share of each class; the first two are rarer."""
    weights = {name: _RARER_SHARE if name in names[:2] else 1.0 for name in names}
    return {name: weight / sum(weights.values()) for name, weight in weights.items()}


def _take(left: dict[str, list[Picture]], shares: dict[str, float], count: int) -> list[Picture]:
    taken = []
    for name, share in shares.items():
        wanted = round(count * share)
        if wanted > len(left[name]):
            raise LradaptError(
                f"class {name!r}: {wanted} more images are needed, {len(left[name])} are left"
            )
        taken += [left[name].pop() for _ in range(wanted)]
    return taken


def _mixed(pictures: Iterable[Picture], numbers: np.random.Generator) -> list[Picture]:
    found = list(pictures)
    return [found[number] for number in numbers.permutation(len(found))]
