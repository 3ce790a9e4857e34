"""Problems of single image files, found in the lines of `images.csv`; no label is needed.

Each function takes the lines and returns the findings of one kind.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from PIL import Image

from lradapt.data.checks.findings import Finding
from lradapt.data.checks.problem_kinds import Kind
from lradapt.data.images.fit import LONG, aspect_ratio
from lradapt.data.images.image_table import OK, ImageRow, depth_range_of

_PLAIN = "RGB"
_GREY = "L"
_MODES = {  # Pillow's modes in words
    "1": "black and white",
    "L": "greyscale",
    "P": "palette",
    "RGBA": "transparency",
    "LA": "greyscale with transparency",
    "PA": "palette with transparency",
    "I": "16-bit greyscale",
}
VISIBLE = 32
"""Of 255: an image without a pixel of this opacity is transparent."""
_FEW_LEVELS = 16  # of 256
_NARROW_DEPTH = 8192  # of 65,536
_SAME_FORMAT = {"MPO": "JPEG"}  # JPEG with a second picture behind the first


def find_image_faults(rows: Sequence[ImageRow], *, min_side: int) -> list[Finding]:
    """Find the problems of all kinds below."""
    return [
        *not_decoded(rows),
        *wrong_extension(rows),
        *tiny(rows, min_side),
        *odd_mode(rows),
        *rotated(rows),
        *narrow_range(rows),
        *several_pages(rows),
        *blank_tail(rows),
        *aspect(rows),
    ]


def shows_something(row: ImageRow) -> bool:
    """Return whether a decoded image has more than one value, and can be seen."""
    return row.verdict == OK and row.low != row.high and row.opacity >= VISIBLE


def not_decoded(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find files that ingest could not decode, each of the kind that ingest has recorded.

    These are `undecodable`, `truncated`, `lfs_pointer`, `bomb` and `hidden`.
    """
    return [_of(row, row.fault, row.verdict) for row in rows if row.fault]  # type: ignore[arg-type]


def wrong_extension(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find names with the extension of another format than the content; unknown ones are fine."""
    formats = Image.registered_extensions()
    found = []
    for row in rows:
        claimed = formats.get(PurePosixPath(row.image).suffix.lower())
        content = _SAME_FORMAT.get(row.format, row.format)
        if claimed and row.verdict == OK and _SAME_FORMAT.get(claimed, claimed) != content:
            found.append(_of(row, "wrong_extension", f"the content is {content}"))
    return found


def tiny(rows: Sequence[ImageRow], min_side: int) -> list[Finding]:
    """Find images with a side below `min_side` pixels."""
    return [
        _of(row, "tiny", f"{row.width} x {row.height} pixels")
        for row in rows
        if row.verdict == OK and min(row.width, row.height) < min_side
    ]


def odd_mode(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find images that are not stored as 8-bit RGB; greyscale ones only in a mixed set.

    In a set of greyscale images alone the mode carries no information. In a mixed set it can
    reveal the class.
    """
    modes = {row.mode for row in rows if row.verdict == OK}
    usual = {_PLAIN} | ({_GREY} if modes == {_GREY} else set())
    return [
        _of(row, "odd_mode", _mode_in_words(row.mode))
        for row in rows
        if row.verdict == OK and row.mode not in usual
    ]


def rotated(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find images that EXIF rotates or mirrors."""
    return [
        _of(row, "rotated", f"EXIF orientation {row.orientation}")
        for row in rows
        if row.orientation != 1
    ]


def narrow_range(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find images with little contrast, and 16-bit ones that use a small part of their range.

    Those of 16 bits are judged by the range that the whole set has been reduced by.
    """
    low, high = depth_range_of(rows)
    found = []
    for row in rows:
        if row.verdict != OK or row.low == row.high or row.opacity < VISIBLE:
            continue
        if row.depth == 8:
            detail = f"values {row.low} to {row.high} of 255"
            narrow = row.high - row.low < _FEW_LEVELS
        else:
            levels = 256 * (min(row.high, high) - max(row.low, low)) // (high - low + 1)
            outside = row.low < low or row.high > high
            narrow = levels < _FEW_LEVELS or outside or row.high - row.low < _NARROW_DEPTH
            detail = (
                f"values {row.low} to {row.high} of 65535; the set's {low} to {high} become 8 bits"
                + (f", which leaves {max(0, levels)} grey levels" if levels < _FEW_LEVELS else "")
            )
        if narrow:
            found.append(_of(row, "narrow_range", detail))
    return found


def several_pages(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find stacks and animations."""
    return [
        _of(
            row,
            "several_pages",
            ("an animation" if row.format == "GIF" else f"{row.pages} pages")
            + ", of which the first is used",
        )
        for row in rows
        if row.pages > 1
    ]


def blank_tail(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find files that end in zeros; those that may have a black border are not set aside."""
    details = {
        "cut": "ends in zeros where pixels belong",
        "row": "ends in whole rows of zeros: cut, or a black border",
    }
    return [
        Finding(
            "blank_tail",
            row.image,
            details[row.tail],
            images=(row.image,) if row.tail == "cut" else (),
        )
        for row in rows
        if row.tail and row.low != row.high
    ]


def aspect(rows: Sequence[ImageRow]) -> list[Finding]:
    """Find images of which the centre square leaves out a third or more."""
    return [
        _of(
            row,
            "aspect",
            f"{row.width} x {row.height} pixels: the centre square shows "
            f"{1 / aspect_ratio(row.width, row.height):.0%} of it",
        )
        for row in rows
        if row.verdict == OK and row.fit == "crop" and aspect_ratio(row.width, row.height) >= LONG
    ]


def _mode_in_words(mode: str) -> str:
    mode, *transparent = mode.split(" ")
    mode, *deep = mode.split(";")
    words = _MODES.get(mode, mode)
    deep_words = f"16-bit {words}" if deep and not words.startswith("16") else words
    return f"{deep_words} with transparency" if transparent else deep_words


def _of(row: ImageRow, kind: Kind, detail: str) -> Finding:
    return Finding(kind, row.image, detail, images=(row.image,))
