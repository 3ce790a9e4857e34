"""One file of a folder: its line of `images.csv`, and its square of pixels."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from lradapt.data.images.decode import Decoded, Preprocessing, decode_with_storage
from lradapt.data.images.decode_errors import OF_DAMAGE, DecodeError
from lradapt.data.images.depth import DepthRange, used_range
from lradapt.data.images.files import read_file
from lradapt.data.images.fit import fit_square
from lradapt.data.images.image_table import OK, ImageRow
from lradapt.data.images.open_image import open_image
from lradapt.data.images.tails import tail_of


def ingest_file(root: Path, name: str, how: Preprocessing) -> tuple[ImageRow, bytes]:
    """Decode a file; return its row and its square of pixels, empty where it cannot be decoded.

    Args:
        root: the images folder, resolved.
        name: of the file, below it.
        how: as `ingest`.

    Raises:
        UnreadableError: the system did not give the file.
    """
    content = b""
    try:
        content = read_file(root, name)
        decoded = decode_with_storage(content, max_megapixels=how.max_megapixels)
    except DecodeError as error:
        file_sha256 = hashlib.sha256(content).hexdigest() if content else ""
        row = ImageRow(name, file_sha256, "", 0, 0, str(error), error.fault, "", "", 1)
        return row._replace(num_bytes=len(content)), b""
    image = decoded.image
    pixels = image.tobytes()
    low, high = _value_range(decoded, pixels)
    row = ImageRow(
        name,
        hashlib.sha256(content).hexdigest(),
        _pixel_sha256(decoded, pixels),
        image.width,
        image.height,
        OK,
        "",
        decoded.format,
        decoded.mode,
        decoded.orientation,
        8 if decoded.values is None else 16,
        low,
        high,
        decoded.opacity,
        _num_pages(content, decoded.format) if decoded.may_have_pages else 1,
        tail_of(content),
        how.fit,
        decoded.camera,
        len(content),
    )
    square = fit_square(image, how.input_size, how.fit)
    return row, pixels if square is image else square.tobytes()


def _pixel_sha256(decoded: Decoded, pixels: bytes) -> str:
    size = f"{decoded.image.width}x{decoded.image.height}"
    if decoded.values is None:
        full = hashlib.sha256(f"{size} RGB\n".encode())
        full.update(pixels)
        return full.hexdigest()
    values = np.ascontiguousarray(decoded.values, "<u2")
    full = hashlib.sha256(f"{size} 16-bit {values.ndim}\n".encode())
    full.update(values.data)
    return full.hexdigest()


def _value_range(decoded: Decoded, pixels: bytes) -> DepthRange:
    """Return `low` and `high` of a line of the table; `pixels` are those of 8 bits."""
    if decoded.values is not None:
        return used_range(decoded.values)
    # By columns first, which numpy compares many at once: a fifth of the time of `getextrema`.
    rows = np.frombuffer(pixels, np.uint8).reshape(-1, 3 * decoded.image.width)
    low_3 = rows.min(axis=0).reshape(-1, 3).min(axis=0)
    high_3 = rows.max(axis=0).reshape(-1, 3).max(axis=0)
    widest = int((high_3 - low_3).argmax())
    return int(low_3[widest]), int(high_3[widest])


def _num_pages(content: bytes, image_format: str) -> int:
    """Return the number of pages or frames of a file that can be decoded; 2 stands for more in GIF.

    The second picture of a JPEG is a preview, or for the other eye, and does not count.
    """
    if image_format in ("JPEG", "MPO"):
        return 1
    image: Any = open_image(content)
    try:
        if image_format == "GIF":  # which would have to be read to its end
            return 2 if image.is_animated else 1
        return int(image.n_frames) if getattr(image, "is_animated", False) else 1
    except OF_DAMAGE:  # in a later page
        return 2
