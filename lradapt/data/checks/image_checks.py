"""Problems of single image files, found in the lines of `images.csv`; no label is needed.

Each function takes the lines and returns the findings of one kind.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from PIL import Image

from lradapt.data.checks.findings import Finding
from lradapt.data.checks.problem_kinds import Kind
from lradapt.data.images.ingest import OK, ImageRow

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
_SAME_FORMAT = {"MPO": "JPEG"}  # JPEG with a second picture behind the first


def find_image_faults(rows: Sequence[ImageRow], *, min_side: int) -> list[Finding]:
    """Find the problems of all kinds below."""
    return [
        *not_decoded(rows),
        *wrong_extension(rows),
        *tiny(rows, min_side),
        *odd_mode(rows),
        *rotated(rows),
    ]


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


def _mode_in_words(mode: str) -> str:
    mode, *transparent = mode.split(" ")
    mode, *deep = mode.split(";")
    words = _MODES.get(mode, mode)
    deep_words = f"16-bit {words}" if deep and not words.startswith("16") else words
    return f"{deep_words} with transparency" if transparent else deep_words


def _of(row: ImageRow, kind: Kind, detail: str) -> Finding:
    return Finding(kind, row.image, detail, images=(row.image,))
