"""From the bytes of an image file to a square of RGB pixels.

Ingest, the gate, `lradapt predict` and `lradapt serve` all decode here, so that a model is
evaluated and used on the same pixels that it was trained on. Nothing here imports torch.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from lradapt.data.images.decode_errors import (
    OF_DAMAGE,
    DecodeError,
    fault_of_damage,
    no_memory,
    not_an_image,
    refuse_bomb,
    require_memory,
)
from lradapt.data.images.depth import FULL, DepthRange, Values, raw_mode, read_values, turn
from lradapt.data.images.dicom import DicomFile
from lradapt.data.images.exif import TO_UPRIGHT, camera_of, exif_orientation, tiff_orientation
from lradapt.data.images.fit import Fit, fit_square
from lradapt.data.images.open_image import open_image
from lradapt.data.images.optional_formats import OptionalFormatError, is_dicom
from lradapt.data.images.rgb import as_rgb, deep_as_rgb, of_one_value_where_invisible, opacity_of

Pixels = npt.NDArray[np.uint8]


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
        may_have_pages: whether the file could have more than one page or frame.
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
        refuse_bomb(size, max_megapixels)
        if isinstance(file, DicomFile):
            return _decoded_dicom(file, depth_range)
        return _decoded(file, content, depth_range, max_megapixels)
    except OptionalFormatError as error:
        raise DecodeError(str(error)) from error
    except Image.DecompressionBombError as error:
        reason = f"over {max_megapixels:g} megapixels (data.max_megapixels)"
        raise DecodeError(reason, "bomb") from error
    except UnidentifiedImageError as error:
        raise not_an_image(content) from error
    except MemoryError as error:
        raise no_memory(size) from error
    except OF_DAMAGE as error:
        require_memory(size, max_megapixels, error)
        raise fault_of_damage(error, content) from error


def preprocess(content: bytes, how: Preprocessing) -> Pixels:
    """Return the pixels of an image file for a model, `[input_size, input_size, 3]` uint8.

    Raises:
        DecodeError, UnreadableError: see `decode`.
    """
    image = decode(content, max_megapixels=how.max_megapixels, depth_range=how.depth_range)
    return np.asarray(fit_square(image, how.input_size, how.fit))


def _decoded_dicom(file: DicomFile, depth_range: DepthRange) -> Decoded:
    image, values, mode = file.pixels()
    if values is not None:
        image, _ = deep_as_rgb(values, None, depth_range)
    assert image is not None
    return Decoded(image.convert("RGB"), "DICOM", mode, 1, 255, values, False, file.camera)


def _decoded(
    image: Image.Image, content: bytes, depth_range: DepthRange, max_megapixels: float
) -> Decoded:
    mode, before_load = _stored_mode(image), tiff_orientation(image)
    values = read_values(image, content)
    refuse_bomb(image.size, max_megapixels)  # the header of a HEIC may say less
    opacity_HW = None if values is None else opacity_of(image, values)
    if values is not None and opacity_HW is not None:
        values = of_one_value_where_invisible(values, opacity_HW)
    orientation = before_load or exif_orientation(image)
    upright, opacity = (
        as_rgb(image) if values is None else deep_as_rgb(values, opacity_HW, depth_range)
    )
    is_upright = orientation == 1 or image.format == "TIFF"
    if not is_upright:
        # Not ImageOps.exif_transpose: it writes EXIF anew, and fails on odd tags of good images.
        upright = upright.transpose(TO_UPRIGHT[orientation])
        values = None if values is None else turn(values, orientation)
    pages = image.format == "GIF" or bool(getattr(image, "is_animated", False))
    return Decoded(
        upright, image.format or "", mode, orientation, opacity, values, pages, camera_of(image)
    )


def _stored_mode(image: Image.Image) -> str:
    raw = raw_mode(image)
    deep = ";16" if ";16" in raw and ";16" not in image.mode else ""
    return image.mode + deep + (" transparent" if "transparency" in image.info else "")
