"""From the bytes of an image file to a square of RGB pixels.

Ingest, the gate and `lradapt predict` all decode here, so that a model is evaluated and used on the
same pixels that it was trained on. Nothing here imports torch.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from lradapt.errors import LradaptError

Pixels = npt.NDArray[np.uint8]

_WIDE_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_HAS_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_REFUSED = {"I": "32-bit integer", "F": "floating-point"}
_FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "PPM", "TGA", "AVIF")
"""Image formats; not EPS and the like, for which Pillow would start other programs."""
_TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_OF_DAMAGE = (  # what Pillow raises for files with a few changed bytes, its own bugs included
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    TypeError,
    AttributeError,
    struct.error,
    zlib.error,
)


Fault = Literal["undecodable", "truncated", "lfs_pointer", "bomb", "hidden"]
"""Why a file cannot be decoded; `lradapt.data.checks.problem_kinds` has the remedies."""


class DecodeError(LradaptError):
    """A file that cannot be decoded; the text is the reason, `fault` its kind."""

    def __init__(self, reason: str, fault: Fault = "undecodable") -> None:
        super().__init__(reason, fault)
        self.fault: Fault = fault

    def __str__(self) -> str:
        return str(self.args[0])


class Decoded(NamedTuple):
    """A decoded image, and how its file stored it.

    Attributes:
        image: full size, 8-bit RGB, upright.
        format: of the content, by Pillow's name, such as JPEG; the file's extension may differ.
        mode: of the pixels in the file, by Pillow's name, such as CMYK or I;16; with ";16" where
            Pillow hides 16 bits per channel, and with " transparent" where one colour is.
        orientation: EXIF's, 1 (upright) to 8; `image` has been turned.
    """

    image: Image.Image
    format: str
    mode: str
    orientation: int


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the input of a model; stored in the exported model's metadata.

    Attributes:
        input_size: side of the square, in pixels.
        max_megapixels: a larger image is refused before it is decoded.
    """

    input_size: int
    max_megapixels: float


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


def decode(content: bytes, *, max_megapixels: float) -> Image.Image:
    """Return the full-size RGB image in `content`, rotated as its EXIF orientation says.

    16-bit grey is reduced to 8 bits, transparency is laid over white, and of an animation the
    first frame is taken.

    Raises:
        DecodeError: not an image, truncated, too large, or of a mode without a clear meaning.
    """
    return decode_with_storage(content, max_megapixels=max_megapixels).image


def decode_with_storage(content: bytes, *, max_megapixels: float) -> Decoded:
    """Decode as `decode` does, and return also how the file stores the image.

    Raises:
        DecodeError: see `decode`.
    """
    try:
        image = Image.open(io.BytesIO(content), formats=_FORMATS)
        _refuse_bomb(image, max_megapixels)
        mode = _stored_mode(image)
        orientation = _orientation(image)
        return Decoded(_as_rgb(_upright(image, orientation)), image.format or "", mode, orientation)
    except Image.DecompressionBombError as error:
        reason = f"over {max_megapixels:g} megapixels (data.max_megapixels)"
        raise DecodeError(reason, "bomb") from error
    except UnidentifiedImageError as error:
        raise _not_an_image(content) from error
    except _OF_DAMAGE as error:
        fault: Fault = "truncated" if _is_cut_off(error, content) else "undecodable"
        raise DecodeError(f"damaged: {error}", fault) from error


def fit_square(image: Image.Image, size: int) -> Image.Image:
    """Resize `image` so that its shorter side is `size`, and crop it to the centre square."""
    if image.size == (size, size):
        return image
    width, height = image.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    # A gap of 1: whole factors by averaging first, a third faster, 0.5 of 255 away in the mean.
    return image.resize((size, size), Image.Resampling.BILINEAR, box=box, reducing_gap=1.0)


def preprocess(content: bytes, how: Preprocessing) -> Pixels:
    """Return the pixels of an image file for a model, `[input_size, input_size, 3]` uint8.

    Raises:
        DecodeError: see `decode`.
    """
    image = decode(content, max_megapixels=how.max_megapixels)
    return np.asarray(fit_square(image, how.input_size))


def _refuse_bomb(image: Image.Image, max_megapixels: float) -> None:
    width, height = image.size
    if width * height > max_megapixels * 1e6:
        raise DecodeError(
            f"{width} x {height} pixels, over {max_megapixels:g} megapixels (data.max_megapixels)",
            "bomb",
        )


def _stored_mode(image: Image.Image) -> str:
    tiles = getattr(image, "tile", None)  # WebP and AVIF have none before they are read
    raw = tiles[0].args if tiles else ""
    raw = raw[0] if isinstance(raw, tuple) and raw else raw
    deep = ";16" if isinstance(raw, str) and ";16" in raw and ";16" not in image.mode else ""
    return image.mode + deep + (" transparent" if "transparency" in image.info else "")


def _orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 where there is none; this reads the pixels."""
    of_tiff = _exif_orientation(image) if image.format == "TIFF" else 1  # load() rotates it
    image.load()
    return of_tiff if image.format == "TIFF" else _exif_orientation(image)


def _exif_orientation(image: Image.Image) -> int:
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1) if _has_exif(image) else 1
    return orientation if orientation in _TO_UPRIGHT else 1


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    # Not ImageOps.exif_transpose: it writes the EXIF anew, and fails on odd tags of good images.
    turned = orientation == 1 or image.format == "TIFF"
    return image if turned else image.transpose(_TO_UPRIGHT[orientation])


def _has_exif(image: Image.Image) -> bool:
    # Reading EXIF is a third of the time of a small JPEG; most files have none.
    return "exif" in image.info or image.format not in ("JPEG", "WEBP", "GIF", "BMP")


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode in _REFUSED:
        raise DecodeError(f"{_REFUSED[image.mode]} pixels; save it with 8 or 16 bits per channel")
    if image.mode in _WIDE_GREY:
        return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)).convert(
            "RGB"
        )
    if image.mode in _HAS_ALPHA or "transparency" in image.info:
        layer = image.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("RGB")
    return image.convert("RGB")


def _not_an_image(content: bytes) -> DecodeError:
    if not content:
        return DecodeError("empty file")
    if content.startswith(b"version https://git-lfs"):
        return DecodeError("a Git LFS pointer, not an image: run `git lfs pull`", "lfs_pointer")
    return DecodeError(f"not an image; expected {', '.join(_FORMATS)}")


def _is_cut_off(error: Exception, content: bytes) -> bool:
    if content[:4] == b"RIFF":  # a WebP contains its length, and Pillow gives no reason
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    return isinstance(error, EOFError) or "truncated" in str(error).lower()
