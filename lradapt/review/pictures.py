"""Pictures for the page, by row of the project's table: the file itself, or its square."""

import io
from typing import NamedTuple

from PIL import Image

from lradapt.data.images.decode import decode_with_storage
from lradapt.data.images.depth import reduced, used_range
from lradapt.data.images.files import read_file
from lradapt.data.images.open_image import quiet
from lradapt.review.project import Project

_OF_BROWSERS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
"""Formats that every browser shows, upright too, and their media types."""

_OF_ENDINGS = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
"""The same by the ending that the recorder gives them."""


class Picture(NamedTuple):
    """A picture: its bytes and their media type."""

    content: bytes
    media_type: str


def full_picture(project: Project, row: int) -> Picture:
    """Return an image in full size: its file, or as PNG where browsers do not show the format.

    Raises:
        DecodeError, UnreadableError: see `read_file` and `decode`.
    """
    entry = project.rows[row]
    content = read_file(project.paths.images.resolve(), entry.image)
    if entry.format in _OF_BROWSERS and entry.depth == 8:
        return Picture(content, _OF_BROWSERS[entry.format])
    return _decoded(content, project)


def recorded_picture(project: Project, file: str) -> Picture:
    """Return an image of the queue in full size, as `full_picture` does.

    Raises:
        DecodeError, UnreadableError: see `full_picture`.
    """
    content = read_file(project.queue_folder.resolve(), file)
    kind = _OF_ENDINGS.get(file.rpartition(".")[2])
    return Picture(content, kind) if kind else _decoded(content, project)


def _decoded(content: bytes, project: Project) -> Picture:
    with quiet():
        decoded = decode_with_storage(content, max_megapixels=project.max_megapixels)
    if decoded.values is None:
        return _png(decoded.image)
    values = decoded.values  # of 16 bits: with the contrast that this image has by itself
    return _png(Image.fromarray(reduced(values, used_range(values))).convert("RGB"))


def square_picture(project: Project, row: int) -> Picture:
    """Return the square that the network receives; no file is decoded for it."""
    return _png(Image.fromarray(project.squares[row]))


def _png(image: Image.Image) -> Picture:
    content = io.BytesIO()
    image.save(content, "PNG", compress_level=1)
    return Picture(content.getvalue(), "image/png")
