"""What the decoding of an image costs, from its first bytes: before anything is decoded.

The number of pixels in the header is not enough. A TIFF of 10 x 10 pixels may be stored as one tile
of 20,000 x 20,000, which the decoder reads as a whole. A progressive JPEG may go over its pixels
some hundred thousand times.
"""

import re
from dataclasses import dataclass

from PIL import Image, TiffImagePlugin

from lradapt.data.images.dicom import DicomFile
from lradapt.data.images.open_image import open_image
from lradapt.data.images.optional_formats import is_dicom

_SECONDS_PER_MEGAPIXEL = {"JPEG": 0.01, "AVIF": 0.02, "JPEG2000": 0.08}
_DICOM_SECONDS_PER_MEGAPIXEL = 0.1
_OTHERWISE = 0.04  # on one core, for the slower ones of the other formats
_HEIF_SECONDS = 1.0
"""At least: the header of an AVIF or HEIC may say less than the decoder finds, 268 megapixels."""
_SCANS_AS_USUAL = 25
"""Scans of a JPEG that cost about as much as the rest of the decoding; usual files have 1 to 12."""
_TILE_WIDTH, _TILE_HEIGHT = 322, 323  # tags of TIFF
_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd8\x01])")
_SOS, _EOI = 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class Cost:
    """What the decoding of an image costs.

    Attributes:
        megapixels: that a decoder works on; those of the image, unless its file is a bomb.
        seconds: about.
    """

    megapixels: float
    seconds: float


_NOTHING = Cost(0, 0)


def cost_of(content: bytes) -> Cost:
    """Return what the decoding of an image file costs; what is no image costs nothing."""
    try:
        image = DicomFile(content) if is_dicom(content) else open_image(content)
    except Image.DecompressionBombError:
        return Cost(float("inf"), float("inf"))
    except Exception:  # noqa: BLE001  # decoding it says why
        return _NOTHING
    width, height = image.size
    pixels = float(width * height)
    if isinstance(image, DicomFile):
        return Cost(pixels / 1e6, pixels / 1e6 * _DICOM_SECONDS_PER_MEGAPIXEL)
    if image.format == "TIFF":
        pixels = max(pixels, _tiled(image, width, height))
    elif image.format == "JPEG":
        pixels *= max(1, _num_scans(content, limit=_SCANS_AS_USUAL * 1000) / _SCANS_AS_USUAL)
    seconds = pixels / 1e6 * _SECONDS_PER_MEGAPIXEL.get(image.format or "", _OTHERWISE)
    if image.format in ("AVIF", "HEIF"):
        seconds = max(seconds, _HEIF_SECONDS)
    return Cost(pixels / 1e6, seconds)


def _tiled(image: Image.Image, width: int, height: int) -> float:
    """Return the pixels of all tiles of a TIFF; a decoder reads whole tiles."""
    assert isinstance(image, TiffImagePlugin.TiffImageFile)
    across, down = (image.tag_v2.get(tag, 0) for tag in (_TILE_WIDTH, _TILE_HEIGHT))
    if not (isinstance(across, int) and isinstance(down, int) and across and down):
        return 0
    return float(-(-width // across) * -(-height // down) * across * down)


def _num_scans(content: bytes, *, limit: int) -> int:
    """Return the number of scans of a JPEG, up to its end marker; of more than `limit`, not all."""
    scans = position = 0
    while scans < limit and (found := _MARKER.search(content, position)):
        position, marker = found.end(), found[1][0]
        if marker == _EOI:
            break
        scans += marker == _SOS
        position += int.from_bytes(content[position : position + 2])
    return scans
