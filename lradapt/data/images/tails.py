"""Files whose end is missing though their length is right: their room was reserved, and stays zero.

Many decoders take such zeros for pixels. In compressed data a long run of zeros at the end is no
picture. In uncompressed data it may be a black border; it is a cut only where the zeros begin in
the middle of a row, below a row that is not black.
"""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
from PIL import Image

from lradapt.data.images.decode_errors import OF_DAMAGE
from lradapt.data.images.open_image import open_image

Tail = Literal["", "cut", "row"]
"""What the zeros at the end of a file are: none or harmless, a cut, or (from the start of a row on)
a cut or a black border."""

_LEAST_ZEROS = 16
_PIXELS_PER_ZERO = 8192  # WebP needs up to a byte of zeros for so many pixels of one colour
_LEAST_ROWS = 2  # of zeros, in uncompressed data
_LIT_SHARE = 0.75  # of the row before the zeros
_NEAR_BYTES = 12  # before a new row: black pixels and padding at the end of the last lit one
_END_OF_IMAGE = b"\xff\xd9"  # in JPEG and JPEG 2000
_LAST_CHUNK = b"IEND"  # of PNG
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES, _COMPRESSION = 273, 279, 324, 325, 259  # of TIFF


def tail_of(content: bytes) -> Tail:
    """Return what the zeros at the end of a file that can be decoded are."""
    if not _ends_in_zeros(content):  # to open it once more takes time
        return ""
    try:
        return _zero_tail(content, open_image(content))
    except OF_DAMAGE:
        return ""


def _ends_in_zeros(content: bytes) -> bool:
    """Return whether a file ends in so many zeros that they may be a fault."""
    return not any(content[-_LEAST_ZEROS:])


def _zero_tail(content: bytes, image: Image.Image) -> Tail:
    """Return what the zeros at the end of a file are.

    Args:
        content: of the file, which `_ends_in_zeros`.
        image: opened from it; its pixels have not been read yet.
    """
    find = _OF_FORMAT.get(image.format or "")
    return find(content, len(content.rstrip(b"\0")), image) if find else ""


def _of_jpeg(content: bytes, start: int, _: Image.Image) -> Tail:
    return "" if content.find(_END_OF_IMAGE, _first_scan(content)) >= 0 else "cut"


def _first_scan(content: bytes) -> int:
    """Return where the pixels of a JPEG begin, behind the segments with previews."""
    place = 2
    while content[place : place + 1] == b"\xff" and content[place + 1] != 0xDA:
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return place


def _of_png(content: bytes, start: int, _: Image.Image) -> Tail:
    return "" if content.rfind(_LAST_CHUNK, 0, start) >= 0 else "cut"


def _of_jpeg2000(content: bytes, start: int, _: Image.Image) -> Tail:
    return "" if content[:start].endswith(_END_OF_IMAGE) else "cut"


def _of_webp(content: bytes, start: int, image: Image.Image) -> Tail:
    place, end = 12, 12
    while place + 8 <= min(len(content), 8 + _number(content, 4, "little")):
        kind, length = content[place : place + 4], _number(content, place + 4, "little")
        place += 8 + length + length % 2
        if kind in (b"VP8 ", b"VP8L", b"ALPH", b"ANMF"):
            end = place
        elif not any(kind):
            return "cut"
    return _in_compressed(start, end, image)


def _of_avif(content: bytes, start: int, image: Image.Image) -> Tail:
    place, end = 0, 0
    while place + 8 <= len(content):
        length, kind = _number(content, place, "big"), content[place + 4 : place + 8]
        length = length if length >= 8 else len(content) - place  # to the end, or of 64 bits
        place += length
        end = min(place, len(content)) if kind == b"mdat" else end
    return _in_compressed(start, end, image)


def _of_tiff(content: bytes, start: int, image: Image.Image) -> Tail:
    tags: Mapping[int, Any] = image.tag_v2  # type: ignore[attr-defined]
    starts = tags.get(_STRIPS) or tags.get(_TILES) or ()
    counts = tags.get(_STRIP_BYTES) or tags.get(_TILE_BYTES) or ()
    if not starts or len(starts) != len(counts):
        return ""
    end = min(max(map(sum, zip(starts, counts, strict=True))), len(content))
    if tags.get(_COMPRESSION, 1) != 1:
        return _in_compressed(start, end, image)
    return _in_rows(content, start, end, image)


def _of_rows(content: bytes, start: int, image: Image.Image) -> Tail:
    codec, (_, top, _, bottom), offset, _ = image.tile[0]  # type: ignore[attr-defined]
    if codec not in ("raw", "ppm"):
        return _in_compressed(start, len(content), image)
    return _in_rows(content, start, offset + _row_bytes(image) * (bottom - top), image)


def _in_compressed(start: int, end: int, image: Image.Image) -> Tail:
    harmless = _LEAST_ZEROS + image.width * image.height // _PIXELS_PER_ZERO
    return "cut" if end - start >= harmless else ""


def _in_rows(content: bytes, start: int, end: int, image: Image.Image) -> Tail:
    row, (first, width) = _row_bytes(image), (_first_offset(image), _sample_bytes(image))
    start = first + -(-(start - first) // width) * width  # the zeros of a 16-bit value are its own
    if start - row < first or end - start < _LEAST_ROWS * row:
        return ""
    before = np.frombuffer(content, np.uint8, row // width * width, start - row // width * width)
    lit = before.reshape(-1, width).any(axis=1).mean()
    if lit < _LIT_SHARE:
        return ""
    return "row" if (first - start) % row <= _NEAR_BYTES else "cut"


def _first_offset(image: Image.Image) -> int:
    return min(int(tile.offset) for tile in image.tile)  # type: ignore[attr-defined]


def _sample_bytes(image: Image.Image) -> int:
    args = image.tile[0].args  # type: ignore[attr-defined]
    raw, *rest = args if isinstance(args, tuple) else (args,)
    is_deep_ppm = (
        image.format == "PPM" and bool(rest) and isinstance(rest[0], int) and rest[0] > 255
    )
    return 2 if ";16" in str(raw) or is_deep_ppm else 1


def _row_bytes(image: Image.Image) -> int:
    """Return the bytes of a row as they are stored, of a tile where there are tiles."""
    tile = image.tile[0]  # type: ignore[attr-defined]
    args = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    if image.format in ("BMP", "TIFF") and len(args) > 1 and args[1]:
        return int(args[1])
    samples = 1 if len(str(args[0])) == 1 else _num_samples(image, str(args[0]))
    return max(1, int(tile.extents[2] - tile.extents[0]) * samples * _sample_bytes(image))


def _num_samples(image: Image.Image, raw: str) -> int:
    name = raw.partition(";")[0]
    return len(name) if name.isupper() and name not in ("I", "L", "P") else len(image.getbands())


def _number(content: bytes, place: int, order: Literal["big", "little"]) -> int:
    return int.from_bytes(content[place : place + 4], order)


_OF_FORMAT: Mapping[str, Callable[[bytes, int, Image.Image], Tail]] = {
    "JPEG": _of_jpeg,
    "MPO": _of_jpeg,
    "PNG": _of_png,
    "JPEG2000": _of_jpeg2000,
    "WEBP": _of_webp,
    "AVIF": _of_avif,
    "HEIF": _of_avif,
    "TIFF": _of_tiff,
    "BMP": _of_rows,
    "TGA": _of_rows,
    "PPM": _of_rows,
}
