"""What is wrong with the image files alone, read from the lines of `images.csv`; no label counts.

Each function takes the lines and gives the findings of one kind.
"""

from collections.abc import Sequence
from pathlib import PurePosixPath

from PIL import Image

from lradapt.data.checks.findings import Finding, Kind
from lradapt.data.images.ingest import OK, ImageRow

_PLAIN = "RGB"
_GREY = "L"
_MODES = {  # what a person calls Pillow's modes
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
    """All findings of the kinds below."""
    return [
        *not_decoded(rows),
        *wrong_extension(rows),
        *tiny(rows, min_side),
        *odd_mode(rows),
        *rotated(rows),
    ]


def not_decoded(rows: Sequence[ImageRow]) -> list[Finding]:
    """Files that ingest could not decode, each of the kind that it noted.

    These are `undecodable`, `truncated`, `lfs_pointer`, `bomb` and `hidden`.
    """
    return [_of(row, row.fault, row.verdict) for row in rows if row.fault]  # type: ignore[arg-type]


def wrong_extension(rows: Sequence[ImageRow]) -> list[Finding]:
    """Names whose extension is that of another format than the content; others claim nothing."""
    formats = Image.registered_extensions()
    found = []
    for row in rows:
        claimed = formats.get(PurePosixPath(row.image).suffix.lower())
        content = _SAME_FORMAT.get(row.format, row.format)
        if claimed and row.verdict == OK and _SAME_FORMAT.get(claimed, claimed) != content:
            found.append(_of(row, "wrong_extension", f"the content is {content}"))
    return found


def tiny(rows: Sequence[ImageRow], min_side: int) -> list[Finding]:
    """Pictures with a side below `min_side` pixels."""
    return [
        _of(row, "tiny", f"{row.width} x {row.height} pixels")
        for row in rows
        if row.verdict == OK and min(row.width, row.height) < min_side
    ]


def odd_mode(rows: Sequence[ImageRow]) -> list[Finding]:
    """Pictures whose pixels are not stored as 8-bit RGB; greyscale only where the set mixes it.

    A set that is greyscale throughout has nothing to learn from that. In a mixed set the colour
    can give the class away.
    """
    modes = {row.mode for row in rows if row.verdict == OK}
    usual = {_PLAIN} | ({_GREY} if modes == {_GREY} else set())
    return [
        _of(row, "odd_mode", _spelt(row.mode))
        for row in rows
        if row.verdict == OK and row.mode not in usual
    ]


def rotated(rows: Sequence[ImageRow]) -> list[Finding]:
    """Pictures that EXIF asks to turn or mirror."""
    return [
        _of(row, "rotated", f"EXIF orientation {row.orientation}")
        for row in rows
        if row.orientation != 1
    ]


def _spelt(mode: str) -> str:
    mode, *transparent = mode.split(" ")
    mode, *deep = mode.split(";")
    words = _MODES.get(mode, mode)
    deep_words = f"16-bit {words}" if deep and not words.startswith("16") else words
    return f"{deep_words} with transparency" if transparent else deep_words


def _of(row: ImageRow, kind: Kind, detail: str) -> Finding:
    return Finding(kind, row.image, detail, images=(row.image,))
