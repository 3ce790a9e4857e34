"""From the bytes of an image file to a square of RGB pixels.

Ingest, the gate, `lradapt predict` and `lradapt serve` all decode here, so that a model is
evaluated and used on the same pixels that it was trained on. Nothing here imports torch.
"""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from lradapt.data.images.camera import camera_name
from lradapt.data.images.depth import (
    FULL,
    WHITE_IS_ZERO,
    WIDE_GREY,
    DepthRange,
    Values,
    raw_mode,
    read_values,
    reduced,
    turn,
    with_known_photometric,
)
from lradapt.data.images.dicom import DicomFile
from lradapt.data.images.fit import Fit, fit_square
from lradapt.data.images.optional_formats import (
    OptionalFormatError,
    is_dicom,
    is_heif,
    open_heif,
)
from lradapt.data.images.other_formats import name_of_other_format
from lradapt.data.images.tails import Tail, ends_in_zeros, zero_tail
from lradapt.errors import LradaptError, UnreadableError

Pixels = npt.NDArray[np.uint8]

_HAS_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_REFUSED = {"I": "32-bit integer", "F": "floating-point"}
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF", "JPEG2000", "PPM", "TGA", "AVIF")
"""Image formats; not EPS and the like, for which Pillow would start other programs."""
TO_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
OF_DAMAGE = (  # what Pillow raises for files with a few changed bytes, its own bugs included
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
_BYTES_PER_PIXEL, _LEAST_BYTES = 8, 2**24  # that a decoder may need

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
        opacity: of the most opaque pixel, 0 to 255; 255 without transparency.
        values: 16-bit, `[H, W]` or `[H, W, 3]`, upright; None where the file has 8 bits.
        may_have_pages: whether `num_pages` could be more than 1.
        camera: maker and model of the camera, see `camera.camera_name`; empty where there is none.
    """

    image: Image.Image
    format: str
    mode: str
    orientation: int
    opacity: int
    values: Values | None
    may_have_pages: bool
    camera: str


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How an image becomes the input of a model; stored in the exported model's metadata.

    Attributes:
        input_size: side of the square, in pixels.
        max_megapixels: a larger image is refused before it is decoded.
        fit: how an image that is not square becomes one, see `lradapt.data.images.fit`.
        depth_range: the 16-bit values that become 0 and 255; of the training images.
    """

    input_size: int
    max_megapixels: float
    fit: Fit = "crop"
    depth_range: DepthRange = FULL


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


def decode(content: bytes, *, max_megapixels: float, depth_range: DepthRange = FULL) -> Image.Image:
    """Return the full-size RGB image in `content`, rotated as its EXIF orientation says.

    16 bits are reduced to 8 by `depth_range`, transparency is laid over white, and of several pages
    or frames the first is taken.

    Raises:
        DecodeError: not an image, truncated, too large, or of a mode without a clear meaning.
        UnreadableError: the memory did not suffice.
    """
    return decode_with_storage(
        content, max_megapixels=max_megapixels, depth_range=depth_range
    ).image


def decode_with_storage(
    content: bytes, *, max_megapixels: float, depth_range: DepthRange = FULL
) -> Decoded:
    """Decode as `decode` does, and return also how the file stores the image.

    Raises:
        DecodeError, UnreadableError: see `decode`.
    """
    size = (0, 0)
    try:
        file = DicomFile(content) if is_dicom(content) else open_image(content)
        size = file.size
        _refuse_bomb(size, max_megapixels)
        if isinstance(file, DicomFile):
            return _decoded_dicom(file, depth_range)
        return _decoded(file, content, depth_range, max_megapixels)
    except OptionalFormatError as error:
        raise DecodeError(str(error)) from error
    except Image.DecompressionBombError as error:
        reason = f"over {max_megapixels:g} megapixels (data.max_megapixels)"
        raise DecodeError(reason, "bomb") from error
    except UnidentifiedImageError as error:
        raise _not_an_image(content) from error
    except MemoryError as error:
        raise _no_memory(size) from error
    except OF_DAMAGE as error:
        _require_memory(size, max_megapixels, error)
        fault: Fault = "truncated" if _is_cut_off(error, content) else "undecodable"
        raise DecodeError(f"damaged: {error}", fault) from error


def preprocess(content: bytes, how: Preprocessing) -> Pixels:
    """Return the pixels of an image file for a model, `[input_size, input_size, 3]` uint8.

    Raises:
        DecodeError, UnreadableError: see `decode`.
    """
    image = decode(content, max_megapixels=how.max_megapixels, depth_range=how.depth_range)
    return np.asarray(fit_square(image, how.input_size, how.fit))


def num_pages(content: bytes, image_format: str) -> int:
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


def tail_of(content: bytes) -> Tail:
    """Return what the zeros at the end of a file that can be decoded are."""
    if not ends_in_zeros(content):  # to open it once more takes time
        return ""
    try:
        return zero_tail(content, open_image(content))
    except OF_DAMAGE:
        return ""


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


def _decoded_dicom(file: DicomFile, depth_range: DepthRange) -> Decoded:
    image, values, mode = file.pixels()
    if values is not None:
        image, _ = _deep_as_rgb(values, None, depth_range)
    assert image is not None
    return Decoded(image.convert("RGB"), "DICOM", mode, 1, 255, values, False, file.camera)


def _decoded(
    image: Image.Image, content: bytes, depth_range: DepthRange, max_megapixels: float
) -> Decoded:
    mode, before_load = _stored_mode(image), _tiff_orientation(image)
    values = read_values(image, content)
    _refuse_bomb(image.size, max_megapixels)  # the header of a HEIC may say less
    opacity_HW = None if values is None else _opacity(image, values)
    if values is not None and opacity_HW is not None:
        values = _of_one_value_where_invisible(values, opacity_HW)
    orientation = before_load or exif_orientation(image)
    upright, opacity = (
        _as_rgb(image) if values is None else _deep_as_rgb(values, opacity_HW, depth_range)
    )
    turned = orientation == 1 or image.format == "TIFF"
    if not turned:
        # Not ImageOps.exif_transpose: it writes EXIF anew, and fails on odd tags of good images.
        upright = upright.transpose(TO_UPRIGHT[orientation])
        values = None if values is None else turn(values, orientation)
    pages = image.format == "GIF" or bool(getattr(image, "is_animated", False))
    return Decoded(
        upright, image.format or "", mode, orientation, opacity, values, pages, _camera(image)
    )


def _refuse_bomb(size: tuple[int, int], max_megapixels: float) -> None:
    width, height = size
    if width * height > max_megapixels * 1e6:
        raise DecodeError(
            f"{width} x {height} pixels, over {max_megapixels:g} megapixels (data.max_megapixels)",
            "bomb",
        )


def _stored_mode(image: Image.Image) -> str:
    raw = raw_mode(image)
    deep = ";16" if ";16" in raw and ";16" not in image.mode else ""
    return image.mode + deep + (" transparent" if "transparency" in image.info else "")


def _tiff_orientation(image: Image.Image) -> int:
    """Return the orientation of a TIFF before load() turns it; 0 for other formats."""
    return exif_orientation(image) if image.format == "TIFF" else 0


def exif_orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where there is none."""
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1) if _has_exif(image) else 1
    return orientation if orientation in TO_UPRIGHT else 1


def _camera(image: Image.Image) -> str:
    """Return the camera by EXIF or by the tags of a TIFF; "" where there is none, or damaged."""
    if not _has_exif(image):
        return ""
    try:
        tags = image.getexif()
        return camera_name(tags.get(ExifTags.Base.Make), tags.get(ExifTags.Base.Model))
    except OF_DAMAGE:  # of these tags alone; the pixels are good
        return ""


def _has_exif(image: Image.Image) -> bool:
    # Reading EXIF is a third of the time of a small JPEG; most files have none.
    return "exif" in image.info or image.format not in ("JPEG", "WEBP", "GIF", "BMP")


def _as_rgb(image: Image.Image) -> tuple[Image.Image, int]:
    """Return 8-bit RGB, and the opacity of the most opaque pixel."""
    if image.mode == "RGB" and "transparency" not in image.info:
        return image, 255
    if image.mode in _REFUSED:
        raise DecodeError(f"{_REFUSED[image.mode]} pixels; save it with 8 or 16 bits per channel")
    if image.mode in _HAS_ALPHA or "transparency" in image.info:
        return _over_white(image.convert("RGBA"))
    return image.convert("RGB"), 255


def _deep_as_rgb(
    values: Values, opacity_HW: Pixels | None, depth_range: DepthRange
) -> tuple[Image.Image, int]:
    layer = Image.fromarray(reduced(values, depth_range)).convert("RGB")
    if opacity_HW is None:
        return layer, 255
    layer.putalpha(Image.fromarray(opacity_HW))
    return _over_white(layer)


def _opacity(image: Image.Image, values: Values) -> Pixels | None:
    """Return the opacity of each pixel of a 16-bit image; None where all are opaque."""
    if "transparency" in image.info:  # one value, or one colour
        differs = values != np.array(image.info["transparency"], np.uint16)
        visible = differs if differs.ndim == 2 else differs.any(axis=2)
        opacity_HW: Pixels = np.where(visible, np.uint8(255), np.uint8(0))
        return opacity_HW
    return np.array(image.getchannel("A")) if image.mode == "RGBA" else None


def _of_one_value_where_invisible(values: Values, opacity_HW: Pixels) -> Values:
    """Return the values with the least visible one where nothing is seen, for range and hash."""
    seen = opacity_HW > 0
    least = values[seen].min() if seen.any() else 0
    shown: Values = np.where(
        seen if values.ndim == 2 else seen[..., None], values, np.uint16(least)
    )
    return shown


def _over_white(layer: Image.Image) -> tuple[Image.Image, int]:
    opacity = layer.getchannel("A").getextrema()[1]
    paper = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(paper, layer).convert("RGB"), int(opacity)  # type: ignore[arg-type]


def _not_an_image(content: bytes) -> DecodeError:
    if not content:
        return DecodeError("empty file")
    if content.startswith(b"version https://git-lfs"):
        return DecodeError("a Git LFS pointer, not an image: run `git lfs pull`", "lfs_pointer")
    other = name_of_other_format(content)
    if other:
        return DecodeError(f"{other}; expected {', '.join(FORMATS)}")
    return DecodeError(f"not an image; expected {', '.join(FORMATS)}")


def _is_cut_off(error: Exception, content: bytes) -> bool:
    if content[:4] == b"RIFF":  # a WebP contains its length, and Pillow gives no reason
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    return isinstance(error, EOFError) or "truncated" in str(error).lower()


def _require_memory(size: tuple[int, int], max_megapixels: float, error: Exception) -> None:
    """Check that a failure to decode is the fault of the content, and not of this machine.

    Raises:
        UnreadableError: the system refused something, or an image of this size has no room.
    """
    if isinstance(error, OSError) and error.errno is not None:
        raise UnreadableError(f"{error.strerror}; nothing is wrong with the file") from error
    pixels = size[0] * size[1] or int(max_megapixels * 1e6)  # of a file that was not even opened
    try:
        np.empty(_BYTES_PER_PIXEL * pixels + _LEAST_BYTES, np.uint8)  # reserved, and not touched
    except MemoryError:
        raise _no_memory(size) from error


def _no_memory(size: tuple[int, int]) -> UnreadableError:
    pixels = f" {size[0]} x {size[1]} pixels" if any(size) else " it"
    return UnreadableError(
        f"the memory did not suffice to decode{pixels}; free some, or lower data.max_megapixels"
    )
