"""Pixels of any mode as 8-bit RGB, with transparency laid over white."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.depth import DepthRange, Values, reduced

Opacity = npt.NDArray[np.uint8]

_HAS_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_REFUSED = {"I": "32-bit integer", "F": "floating-point"}


def as_rgb(image: Image.Image) -> tuple[Image.Image, int]:
    """Return an image of 8 bits as RGB, and the opacity of the most opaque pixel.

    Raises:
        DecodeError: a mode without a clear meaning.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image, 255
    if image.mode in _REFUSED:
        raise DecodeError(f"{_REFUSED[image.mode]} pixels; save it with 8 or 16 bits per channel")
    if image.mode in _HAS_ALPHA or "transparency" in image.info:
        return _over_white(image.convert("RGBA"))
    return image.convert("RGB"), 255


def deep_as_rgb(
    values: Values, opacity_HW: Opacity | None, depth_range: DepthRange
) -> tuple[Image.Image, int]:
    """Return 16-bit values as 8-bit RGB, and the opacity of the most opaque pixel."""
    layer = Image.fromarray(reduced(values, depth_range)).convert("RGB")
    if opacity_HW is None:
        return layer, 255
    layer.putalpha(Image.fromarray(opacity_HW))
    return _over_white(layer)


def opacity_of(image: Image.Image, values: Values) -> Opacity | None:
    """Return the opacity of each pixel of a 16-bit image; None where all are opaque."""
    if "transparency" in image.info:  # one value, or one colour
        differs = values != np.array(image.info["transparency"], np.uint16)
        visible = differs if differs.ndim == 2 else differs.any(axis=2)
        opacity_HW: Opacity = np.where(visible, np.uint8(255), np.uint8(0))
        return opacity_HW
    return np.array(image.getchannel("A")) if image.mode == "RGBA" else None


def of_one_value_where_invisible(values: Values, opacity_HW: Opacity) -> Values:
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
