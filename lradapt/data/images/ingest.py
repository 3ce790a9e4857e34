"""Decode every image of a folder once, into rows of pixels and a table of the results.

Row i of `pixels.npy` belongs to line i of `images.csv`. A file that cannot be decoded keeps its
line, with the reason as its verdict, and its row stays zero; nothing downstream reads that row.
"""

import csv
import hashlib
import io
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import numpy as np

from lradapt.data.images.decode import (
    DecodeError,
    Preprocessing,
    decode_with_storage,
    fit_square,
    quiet,
    reuse_memory,
)
from lradapt.data.images.files import list_files, read_file, require_unchanged
from lradapt.errors import DataError
from lradapt.runtime.files import reserve, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import NOTHING, Kept

log = logging.getLogger(__name__)

OK = "ok"
PIXELS, TABLE = "pixels.npy", "images.csv"
"""The files of the row cache that the next run needs; their keys are `file_keys`."""
_FILES_PER_TASK = 64
_NUMBERS = ("width", "height", "orientation")
_REPEATED = ("verdict", "fault", "format", "mode")
_FEW_FILES = 500  # below it, processes cost more than they save


class ImageRow(NamedTuple):
    """One line of `images.csv`.

    Attributes:
        image: path below the images folder, with forward slashes.
        file_sha256: of the file's bytes; empty where the file was not read.
        pixel_sha256: of the full-size RGB pixels and their size; empty where not decoded.
        width, height: full size in pixels, upright; 0 where not decoded.
        verdict: "ok", or the reason why the file cannot be decoded.
        fault: the kind of that reason (`decode.Fault`); empty where decoded.
        format, mode, orientation: how the file stores the image, see `decode.Decoded`; empty and 1
            where not decoded.
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


class _File(NamedTuple):
    """One file to ingest; `previous` is its row of the previous pixels, if its bytes are known."""

    number: int
    name: str
    previous: int | None
    row: ImageRow | None


class _Portion(NamedTuple):
    """The result of a worker: finished lines of the table, since one process collects them all."""

    lines: str
    num_files: int
    num_ok: int


def ingest(
    images: Path,
    *,
    pixels: Path,
    table: Path,
    how: Preprocessing,
    kept: Kept = NOTHING,
    num_workers: int | None = None,
) -> int:
    """Decode every file below `images` into the rows of `pixels`, uint8 `[N, size, size, 3]`.

    Memory does not grow with the pixels: workers write their rows straight into the file.

    Args:
        images: the folder.
        pixels: where the array is written.
        table: where `images.csv` is written.
        how: size of the square, and the limit against decompression bombs.
        kept: rows of a previous run with the same `how`; files with known bytes are not decoded.
        num_workers: processes; by default one for each core this process may use.

    Returns:
        The number of files, those set aside included.

    Raises:
        DataError: the folder is missing or has no file, none of its files is an image, files were
            added or removed while it was read, or a process was killed.
        DiskFullError: too little room for `pixels` or `table`.
    """
    names = list_files(images)
    files = _recognised(images, names, kept)
    with ExitStack() as stack:
        partial_pixels = stack.enter_context(whole_file(pixels))
        partial_table = stack.enter_context(whole_file(table))
        offset = _allocate(partial_pixels, len(names), how.input_size)
        work = partial(_ingest_files, images, partial_pixels, offset, how, kept.files.get(PIXELS))
        with tracked(
            _in_order(work, files, num_workers),
            "ingest",
            total=len(files),
            unit="images",
            size=lambda portion: portion.num_files,
        ) as portions:
            num_ok = _write_table(partial_table, portions)
        if not num_ok:
            raise DataError(
                f"none of the {len(names)} files in {images} is an image; the first: "
                f"{names[0]} ({read_table(partial_table)[0].verdict}). Expected JPEG, PNG, WebP, "
                "TIFF or another image format"
            )
        require_unchanged(images, names)
    return len(names)


def read_table(path: Path) -> list[ImageRow]:
    """Read an `images.csv`; repeated words are stored once, which needs a quarter of the memory."""
    with path.open(encoding="utf-8", newline="") as file:
        return [ImageRow(**_typed(line)) for line in csv.DictReader(file)]


def _typed(line: dict[str, str]) -> dict[str, Any]:
    numbers = {name: int(line[name]) for name in _NUMBERS}
    return {**line, **numbers, **{name: intern(line[name]) for name in _REPEATED}}


def file_keys(table: Path) -> list[str]:
    """Return the key of each row in the row cache: the hash of its file; empty if not decoded."""
    return [row.file_sha256 if row.verdict == OK else "" for row in read_table(table)]


def _recognised(images: Path, names: Sequence[str], kept: Kept) -> list[_File]:
    """Return the files; those whose bytes the previous run has decoded with its results."""
    if not kept.row_of:
        return [_File(number, name, None, None) for number, name in enumerate(names)]
    root, rows = images.resolve(), read_table(kept.files[TABLE])
    files = []
    for number, name in enumerate(names):
        previous = kept.row_of.get(_file_sha256(root, name))
        row = None if previous is None else rows[previous]._replace(image=name)
        files.append(_File(number, name, previous, row))
    known = sum(file.row is not None for file in files)
    log.info("%s of %s files are known from the previous run", f"{known:,}", f"{len(names):,}")
    return files


def _file_sha256(root: Path, name: str) -> str:
    try:
        return hashlib.sha256(read_file(root, name)).hexdigest()
    except DecodeError:  # reported where the file is ingested
        return ""


def _allocate(path: Path, num_rows: int, size: int) -> int:
    shape = (num_rows, size, size, 3)
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    reserve(path)
    return path.stat().st_size - rows.nbytes


def _in_order(
    work: Callable[[Sequence[_File]], _Portion],
    files: Sequence[_File],
    num_workers: int | None,
) -> Iterator[_Portion]:
    tasks = [files[i : i + _FILES_PER_TASK] for i in range(0, len(files), _FILES_PER_TASK)]
    num_workers = num_workers or len(os.sched_getaffinity(0))
    if num_workers == 1 or sum(file.row is None for file in files) < _FEW_FILES:
        for task in tasks:
            yield work(task)
        return
    context = multiprocessing.get_context("forkserver")
    try:
        with ProcessPoolExecutor(num_workers, context, initializer=reuse_memory) as pool:
            yield from pool.map(work, tasks)
    except BrokenProcessPool as error:
        raise DataError(
            f"one of {num_workers} processes that decode images was killed, most likely because "
            "the memory was full; lower data.max_megapixels, or use fewer cores (taskset -c 0)"
        ) from error


def _ingest_files(
    images: Path,
    pixels: Path,
    offset: int,
    how: Preprocessing,
    previous_pixels: Path | None,
    task: Sequence[_File],
) -> _Portion:
    root = images.resolve()
    empty = bytes(how.input_size * how.input_size * 3)
    previous = np.load(previous_pixels, mmap_mode="r") if previous_pixels else None
    with quiet():
        done = [
            (file.row, previous[file.previous].tobytes())
            if file.row is not None and previous is not None
            else _ingest_file(root, file.name, how)
            for file in task
        ]
    descriptor = os.open(pixels, os.O_WRONLY)
    try:  # a single write: processes wait for each other at each
        squares = b"".join(square or empty for _, square in done)
        _write_at(descriptor, squares, offset + task[0].number * len(empty))
    finally:
        os.close(descriptor)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(row for row, _ in done)
    return _Portion(lines.getvalue(), len(done), sum(row.verdict == OK for row, _ in done))


def _write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of `content`; the system may accept only a part at a time."""
    left = memoryview(content)
    while left:
        written = os.pwrite(descriptor, left, offset)
        left, offset = left[written:], offset + written


def _ingest_file(root: Path, name: str, how: Preprocessing) -> tuple[ImageRow, bytes]:
    content = b""
    try:
        content = read_file(root, name)
        decoded = decode_with_storage(content, max_megapixels=how.max_megapixels)
    except DecodeError as error:
        file_sha256 = hashlib.sha256(content).hexdigest() if content else ""
        return ImageRow(name, file_sha256, "", 0, 0, str(error), error.fault, "", "", 1), b""
    image = decoded.image
    pixels = image.tobytes()
    full = hashlib.sha256(f"{image.width}x{image.height} RGB\n".encode())
    full.update(pixels)
    row = ImageRow(
        name,
        hashlib.sha256(content).hexdigest(),
        full.hexdigest(),
        image.width,
        image.height,
        OK,
        "",
        decoded.format,
        decoded.mode,
        decoded.orientation,
    )
    square = fit_square(image, how.input_size)
    return row, pixels if square is image else square.tobytes()


def _write_table(path: Path, portions: Iterable[_Portion]) -> int:
    num_ok = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(ImageRow._fields) + "\n")
        for portion in portions:
            file.write(portion.lines)
            num_ok += portion.num_ok
    return num_ok
