"""The table of the images of a folder, `images.csv`: a line for each file, as `ingest` found it."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from lradapt.data.images.depth import DepthRange, range_of_set
from lradapt.errors import DataError

OK = "ok"
PIXELS, TABLE = "pixels.npy", "images.csv"
"""The files of the row cache that the next run needs; their keys are `file_keys`."""
_NUMBERS = (
    "width",
    "height",
    "orientation",
    "depth",
    "low",
    "high",
    "opacity",
    "pages",
    "num_bytes",
)
_REPEATED = ("verdict", "fault", "format", "mode", "tail", "fit", "camera")


class ImageRow(NamedTuple):
    """One line of `images.csv`.

    Attributes:
        image: path below the images folder, with forward slashes.
        file_sha256: of the file's bytes; empty where the file was not read.
        pixel_sha256: of the full-size RGB pixels and their size, or of the 16-bit values, which do
            not depend on other images; empty where not decoded.
        width, height: full size in pixels, upright; 0 where not decoded.
        verdict: "ok", or the reason why the file cannot be decoded.
        fault: the kind of that reason (`decode.Fault`); empty where decoded.
        format, mode, orientation: how the file stores the image, see `decode.Decoded`; empty and 1
            where not decoded.
        depth: bits of a value, 8 or 16.
        low, high: the least and greatest value; of 8 bits in the channel in which they differ most,
            of 16 bits in all channels and but for outliers. They are equal in a blank image.
        opacity: of the most opaque pixel, 0 to 255; 255 without transparency.
        pages: the number of pages or frames, of which the first is used.
        tail: what zeros at the end of the file are, see `tails.Tail`.
        fit: how it became a square, see `fit.Fit`; empty where not decoded.
        camera: maker and model, see `camera.camera_name`; empty where the file has neither.
        num_bytes: size of the file; 0 where it was not read.
    """

    image: str
    file_sha256: str
    pixel_sha256: str
    width: int
    height: int
    verdict: str
    fault: str
    format: str
    mode: str
    orientation: int
    depth: int = 8
    low: int = 0
    high: int = 255
    opacity: int = 255
    pages: int = 1
    tail: str = ""
    fit: str = ""
    camera: str = ""
    num_bytes: int = 0


def depth_range_of(rows: Iterable[ImageRow]) -> DepthRange:
    """Return the range of the 16-bit images of a set, which `ingest` has used for its pixels."""
    return range_of_set([(row.low, row.high) for row in rows if row.depth == 16])


def read_table(path: Path) -> list[ImageRow]:
    """Read an `images.csv`; repeated words are stored once, which needs a quarter of the memory.

    Raises:
        DataError: another version of lradapt wrote it, with other columns.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        _require_columns(path, reader.fieldnames or ())
        return [ImageRow(**_typed(line)) for line in reader]


def _require_columns(path: Path, found: Sequence[str]) -> None:
    missing = [name for name in ImageRow._fields if name not in found]
    unknown = [name for name in found if name not in ImageRow._fields]
    if missing or unknown:
        raise DataError(
            f"{path}: another version of lradapt wrote it (columns missing: "
            f"{', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}). Run "
            "`make retrain`, which decodes the images anew"
        )


def _typed(line: dict[str, str]) -> dict[str, Any]:
    numbers = {name: int(line[name]) for name in _NUMBERS}
    return {**line, **numbers, **{name: intern(line[name]) for name in _REPEATED}}


def file_keys(table: Path) -> list[str]:
    """Return the key of each row in the row cache: the hash of its file; empty if not decoded."""
    return [row.file_sha256 if row.verdict == OK else "" for row in read_table(table)]
