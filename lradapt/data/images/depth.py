"""16-bit values: read in full depth, reduced to 8 bits by the range of a whole set.

A camera may use 12 of its 16 bits, a thermal one a narrow part far from zero. So the range of a set
is found when it is ingested, and the same range is used wherever the model is used.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

DepthRange = tuple[int, int]
"""The 16-bit values that become 0 and 255; values beyond them are clipped."""
Values = npt.NDArray[np.uint16]

FULL: DepthRange = (0, 65535)
WIDE_GREY = ("I;16", "I;16L", "I;16B", "I;16N")
_OUTLIERS_SHARE = 0.0005  # of the pixels of an image: dead and hot ones
_FEW_IMAGES, _OUTLYING_SHARE, _MUCH = 20, 0.005, 4
_ROWS = 256  # at a time
_LOW_BYTE = {"B": "L", "L": "B", "N": "B"}  # of a pixel, by the byte order of its file
WHITE_IS_ZERO = "white is zero"  # among the `info` of an image that had to be opened otherwise
_BITS, _PHOTOMETRIC, _ORIENTATION, _PLANAR = 258, 262, 274, 284  # tags of TIFF
_WHITE_IS_ZERO, _IN_PLANES = 0, 2


def reduced(values: Values, depth_range: DepthRange) -> npt.NDArray[np.uint8]:
    """Return 16-bit values as 8 bits: the range in 256 equal steps; `FULL` is a shift by 8 bits."""
    low, high = depth_range
    inside = np.clip(np.arange(65536), low, high) - low
    of_value = (inside * 256 // (high - low + 1)).astype(np.uint8)
    eight = np.empty(values.shape, np.uint8)
    for start in range(0, len(values), _ROWS):  # a copy of 80 megapixels as indices takes 2 GB
        eight[start : start + _ROWS] = of_value[values[start : start + _ROWS]]
    return eight


def used_range(values: Values) -> DepthRange:
    """Return the least and greatest of 16-bit values, but for a few outliers, if others differ."""
    parts = [values[start : start + _ROWS] for start in range(0, len(values), _ROWS)]
    counts = np.sum([np.bincount(part.ravel(), minlength=65536) for part in parts], axis=0)
    found, below = np.flatnonzero(counts), np.cumsum(counts)
    if not len(found):
        return (0, 0)
    cut = int(values.size * _OUTLIERS_SHARE)
    low = int(np.searchsorted(below, cut, side="right"))
    high = int(np.searchsorted(below, values.size - cut, side="left"))
    return (low, high) if low < high else (int(found[0]), int(found[-1]))


def range_of_set(ranges: Sequence[DepthRange]) -> DepthRange:
    """Return the range for a set of images with these ranges; `FULL` if there are none.

    It is rounded outwards, to 16ths of a power of two, so that a few new images seldom change it: a
    set that uses all of 8, 12 or 16 bits has exactly their range. Few images that alone make it
    several times wider are left out, and so are images of one value.
    """
    varied = [(low, high) for low, high in ranges if low < high]
    if not varied:
        return FULL
    lows, highs = sorted(low for low, _ in varied), sorted(high for _, high in varied)
    whole = (lows[0], highs[-1])
    cut = 1 + int(len(varied) * _OUTLYING_SHARE) if len(varied) >= _FEW_IMAGES else 0
    most = (lows[cut], highs[-1 - cut])
    narrow = most[0] < most[1] and _MUCH * (most[1] - most[0]) <= whole[1] - whole[0]
    return _rounded(*(most if narrow else whole))


def read_values(image: Image.Image, content: bytes) -> Values | None:
    """Return the 16-bit values of a file, grey `[H, W]` or colour `[H, W, 3]`; None if it has none.

    Pillow reads 16 bits per channel as 8, so their lower bytes are read separately. Colours in CMYK
    or multiplied by their opacity stay with 8 bits.

    Args:
        image: opened from `content`; its pixels have not been read yet, and are read here.
        content: of the file.
    """
    raw, tiles = raw_mode(image), list(getattr(image, "tile", ()))
    in_planes = image.format == "TIFF" and image.tag_v2.get(_PLANAR) == _IN_PLANES  # type: ignore[attr-defined]
    orientation = image.getexif().get(_ORIENTATION, 1) if in_planes else 1
    image.load()
    if image.format == "PPM":
        return _ppm_values(image, content, tiles[0])
    if image.mode in WIDE_GREY:
        return _black_is_zero(image, np.asarray(image).astype(np.uint16))
    if in_planes and tiles[0].codec_name == "raw" and max(image.tag_v2[_BITS]) > 8:  # type: ignore[attr-defined]
        return turn(_from_planes(content, tiles), orientation)
    if raw == "LA;16B":
        parts = _read_as(image, content, "RGBA", 4)
        return _joined(parts[..., 0], parts[..., 1])
    channels, _, order = raw.partition(";16")
    if order not in _LOW_BYTE or channels not in ("RGB", "RGBA", "RGBX"):
        return None
    upper = np.asarray(image)[..., :3]
    if in_planes:  # libtiff gives the upper bytes only
        return _joined(upper, np.zeros_like(upper))
    return _joined(upper, _read_as(image, content, f"{channels};16{_LOW_BYTE[order]}", 3))


def turn(values: Values, orientation: int) -> Values:
    """Return the values upright, for EXIF's orientation of 1 to 8."""
    mirrored = values[:, ::-1] if orientation in (2, 4, 5, 7) else values
    return np.rot90(mirrored, {3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}.get(orientation, 0))


def with_known_photometric(content: bytes) -> bytes | None:
    """Return a big-endian 16-bit TIFF whose white is zero as one whose black is; None for others.

    Pillow does not open the first, and opens the second with its values as they are stored.
    """
    first = int.from_bytes(content[4:8], "big")
    num_tags = int.from_bytes(content[first : first + 2], "big")
    for place in range(first + 2, min(first + 2 + 12 * num_tags, len(content) - 11), 12):
        tag, value = content[place : place + 2], content[place + 8 : place + 10]
        if tag == _PHOTOMETRIC.to_bytes(2, "big") and not any(value):
            return content[: place + 8] + b"\0\1" + content[place + 10 :]
    return None


def raw_mode(image: Image.Image) -> str:
    """Return how the pixels of an image that is not read yet are stored, by Pillow's name."""
    tiles = getattr(image, "tile", None)  # WebP and AVIF have none before they are read
    args = tiles[0].args if tiles else ""
    first = args[0] if isinstance(args, tuple) and args else args
    return first if isinstance(first, str) else ""


def _rounded(low: int, high: int) -> DepthRange:
    step = 1 << max(0, (high - low).bit_length() - 4)
    return low // step * step, (high // step + 1) * step - 1


def _joined(upper: npt.NDArray[np.uint8], lower: npt.NDArray[np.uint8]) -> Values:
    values: Values = upper.astype(np.uint16) * np.uint16(256) + lower
    return values


def _read_as(
    opened: Image.Image, content: bytes, raw: str, num_channels: int
) -> npt.NDArray[np.uint8]:
    """Read the pixels of a file as if they were stored in another way."""
    image: Any = Image.open(io.BytesIO(content), formats=[opened.format or ""])
    image.tile = [
        tile._replace(args=raw if isinstance(tile.args, str) else (raw, *tile.args[1:]))
        for tile in image.tile
    ]
    return np.asarray(image)[..., :num_channels]


def _black_is_zero(image: Image.Image, values: Values) -> Values:
    white_is_zero = image.info.get(WHITE_IS_ZERO) or (
        image.format == "TIFF" and image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO  # type: ignore[attr-defined]
    )
    return ~values if white_is_zero else values


def _from_planes(content: bytes, tiles: Sequence[Any]) -> Values:
    """Read an uncompressed TIFF with a plane for each channel, which Pillow reads as 8 bits."""
    kind = ">u2" if content.startswith(b"MM") else "<u2"
    if {tile.args[0] for tile in tiles} != set("RGB"):
        raise ValueError("16 bits per channel in separate planes; save the channels interleaved")
    width = max(tile.extents[2] for tile in tiles)
    height = max(tile.extents[3] for tile in tiles)
    values = np.zeros((height, width, 3), np.uint16)
    for _, (left, top, right, bottom), offset, (channel, stride, _) in tiles:
        row = stride // 2 or right - left
        block = np.frombuffer(content, kind, (bottom - top) * row, offset)
        block = block.reshape(bottom - top, row)[:, : right - left]
        values[top:bottom, left:right, "RGB".index(channel)] = block
    return values


def _ppm_values(image: Image.Image, content: bytes, tile: Any) -> Values | None:
    """Read 16-bit grey or colours, on the scale of 65,535, whatever the greatest value is."""
    raw, greatest = tile.args if isinstance(tile.args, tuple) else (tile.args, 65535)
    if image.mode == "I":
        return np.asarray(image).astype(np.uint16)
    if raw != "RGB" or greatest <= 255 or tile.codec_name != "ppm":
        return None
    shape = (image.height, image.width, 3)
    stored = np.frombuffer(content, ">u2", image.height * image.width * 3, tile.offset)
    values: Values = (stored.reshape(shape).astype(np.uint32) * 65535 // greatest).astype(np.uint16)
    return values
