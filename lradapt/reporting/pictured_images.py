"""The images of a run as a page shows them: small pictures, and the nearest training images."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lradapt.config.paths import Paths
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import as_read
from lradapt.data.neighbours import Neighbours, read_neighbours
from lradapt.data.split_table import read_split
from lradapt.reporting.pages import png_uri
from lradapt.text import table_cell

_SIDE = 224  # largest side of a picture in pixels
_SMALL_SIDE = 96  # the same of a neighbour's
_EXACT_SIDE = 64  # up to this side a picture is stored without loss

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class PicturedNeighbour:
    """A near training image.

    Attributes:
        image: its name.
        label: its class.
        similarity: cosine of the angle between the activations, in [-1, 1].
        picture: as a data URI; empty if the pixels are on another machine.
    """

    image: str
    label: str
    similarity: float
    picture: str


class PicturedImages:
    """The images of all splits; files are read when they are needed.

    An image is named as in `labels.csv` or as in a table for people.
    """

    def __init__(self, paths: Paths) -> None:
        self._paths = paths

    def picture(self, image: str, *, side: int = _SIDE) -> str:
        """Return what the model receives as a data URI; empty if it is on another machine."""
        if self._squares is None:
            return ""
        return _as_uri(self._squares[self._images[_key(image)].row], side)

    def nearest(self, image: str, count: int) -> list[PicturedNeighbour]:
        """Return the training images nearest to an image, the nearest first.

        There are none if the activations are on another machine.
        """
        if self._neighbours is None:
            return []
        name = as_read(self._images[_key(image)].image)
        return [
            PicturedNeighbour(
                near.image, near.label, near.similarity, self.picture(near.image, side=_SMALL_SIDE)
            )
            for near in self._neighbours.nearest(name, count)
        ]

    @cached_property
    def _images(self) -> Mapping[str, LabelledImage]:
        return {_key(image.image): image for image in read_split(self._paths.training_split)}

    @cached_property
    def _squares(self) -> Pixels | None:
        """The pixels `[N, S, S, 3]`, memory-mapped; None if they are on another machine."""
        path = self._paths.pixels
        return np.load(path, mmap_mode="r") if path.exists() else None

    @cached_property
    def _neighbours(self) -> Neighbours | None:
        path = self._paths.activations
        return read_neighbours(path, list(self._images.values())) if path.exists() else None


def _key(image: str) -> str:
    return table_cell(as_read(image))


def _as_uri(square: Pixels, side: int) -> str:
    from PIL import Image

    picture, content = Image.fromarray(np.asarray(square)), io.BytesIO()
    picture.thumbnail((side, side))
    if max(picture.size) <= _EXACT_SIDE:
        picture.save(content, "PNG")
        return png_uri(content.getvalue())
    picture.save(content, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
