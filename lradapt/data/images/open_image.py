"""Open an image file with Pillow: its header is read, its pixels are not."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from lradapt.data.images.depth import WHITE_IS_ZERO, WIDE_GREY, with_known_photometric
from lradapt.data.images.optional_formats import is_heif, open_heif

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "PPM", "TGA", "AVIF")
"""Image formats; not EPS and the like, for which Pillow would start other programs."""


def reuse_memory() -> None:
    """Let Pillow reuse the memory of decoded images, which saves a fifth of the time of small ones.

    For the whole process, up to 64 MiB (as the variable PILLOW_BLOCKS_MAX does from outside).
    """
    Image.core.set_blocks_max(4)  # type: ignore[attr-defined]


@contextmanager
def quiet() -> Iterator[None]:
    """Hide Pillow's warnings within a block: they name no file, and `decode` raises errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
        yield


def open_image(content: bytes) -> Image.Image:
    """Return an image whose pixels have not been read yet; of any format but DICOM.

    Raises:
        UnidentifiedImageError: of no format that is decoded here.
        OptionalFormatError: its decoder is not installed.
    """
    try:
        return Image.open(io.BytesIO(content), formats=FORMATS)
    except UnidentifiedImageError:
        if is_heif(content):
            return open_heif(content)
        other = with_known_photometric(content) if content.startswith(b"MM\0*") else None
        if other is None:
            raise
        image = Image.open(io.BytesIO(other), formats=("TIFF",))
        if image.mode not in WIDE_GREY:
            raise
        image.info[WHITE_IS_ZERO] = True
        return image
