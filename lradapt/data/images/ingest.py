"""Decode every image of a folder once, into rows of pixels and a table of the results.

Row i of `pixels.npy` belongs to line i of `images.csv`. A file that cannot be decoded keeps its
line, with the reason as its verdict, and its row stays zero; nothing downstream reads that row.

Images of 16 bits are reduced by the range of the whole set (`depth_range_of`). It is known when all
have been read, so those for which another range was assumed are then decoded again.
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
from dataclasses import replace
from functools import partial
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

import numpy as np

from lradapt.data.images.decode import (
    Decoded,
    DecodeError,
    Preprocessing,
    decode_with_storage,
    num_pages,
    preprocess,
    quiet,
    reuse_memory,
    tail_of,
)
from lradapt.data.images.depth import FULL, DepthRange, range_of_set, used_range
from lradapt.data.images.files import list_files, read_file, require_unchanged
from lradapt.data.images.fit import fit_square
from lradapt.errors import DataError, UnreadableError, listed
from lradapt.runtime.files import reserve, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import NOTHING, Kept

log = logging.getLogger(__name__)

OK = "ok"
PIXELS, TABLE = "pixels.npy", "images.csv"
"""The files of the row cache that the next run needs; their keys are `file_keys`."""
_FILES_PER_TASK = 64
_NUMBERS = ("width", "height", "orientation", "depth", "low", "high", "opacity", "pages")
_REPEATED = ("verdict", "fault", "format", "mode", "tail", "fit")
_FEW_FILES = 500  # below it, processes cost more than they save


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


class _File(NamedTuple):
    """One file to ingest; `previous` is its row of the previous pixels, if its bytes are known."""

    number: int
    name: str
    previous: int | None
    row: ImageRow | None


class _Portion(NamedTuple):
    """The result of a worker: finished lines of the table, since one process collects them all.

    `deep` has the number and the range of each image of 16 bits, and `unreadable` a line for each
    file that the system did not give.
    """

    lines: str
    num_files: int
    num_ok: int
    deep: list[tuple[int, DepthRange]]
    unreadable: list[str]


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
        how: size of the square, fit, and the limit against decompression bombs; its range is not
            used.
        kept: rows of a previous run with the same `how`; files with known bytes are not decoded.
        num_workers: processes; by default one for each core this process may use.

    Returns:
        The number of files, those set aside included.

    Raises:
        DataError: the folder is missing or has no file, none of its files is an image, files were
            added or removed while it was read, or a process was killed.
        UnreadableError: the disk or the memory did not give a file, whatever its content is.
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
            num_ok, deep = _write_table(partial_table, portions)
        if not num_ok:
            raise DataError(
                f"none of the {len(names)} files in {images} is an image; the first: "
                f"{names[0]} ({read_table(partial_table)[0].verdict}). Expected JPEG, PNG, WebP, "
                "TIFF or another image format"
            )
        found = range_of_set([used for _, used in deep])
        redone = [files[number] for number in _of_another_range(files, deep, found, kept)]
        work = partial(
            _reduce_again, images, partial_pixels, offset, replace(how, depth_range=found)
        )
        with tracked(
            _in_order(work, redone, num_workers),
            f"16 bits: {found[0]} to {found[1]}",
            total=len(redone),
            unit="images",
            size=lambda portion: portion.num_files,
        ) as portions:
            for portion in portions:
                _require_read(portion)
        require_unchanged(images, names)
    return len(names)


def depth_range_of(rows: Iterable[ImageRow]) -> DepthRange:
    """Return the range of the 16-bit images of a set, which `ingest` has used for its pixels."""
    return range_of_set([(row.low, row.high) for row in rows if row.depth == 16])


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


def _of_another_range(
    files: Sequence[_File],
    deep: Sequence[tuple[int, DepthRange]],
    found: DepthRange,
    kept: Kept,
) -> list[int]:
    """Return the numbers of the 16-bit images whose pixels were made with another range."""
    before = depth_range_of(read_table(kept.files[TABLE])) if deep and kept.row_of else FULL
    return [
        number for number, _ in deep if (before if files[number].row is not None else FULL) != found
    ]


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
    done: list[tuple[ImageRow, bytes]] = []
    unreadable: list[str] = []
    with quiet():
        for file in task:
            if file.row is not None and previous is not None:
                done.append((file.row, previous[file.previous].tobytes()))
                continue
            try:
                done.append(_ingest_file(root, file.name, how))
            except (UnreadableError, MemoryError) as error:
                unreadable.append(_unreadable(file.name, error))
    if unreadable:
        return _Portion("", len(task), 0, [], unreadable)
    descriptor = os.open(pixels, os.O_WRONLY)
    try:  # a single write: processes wait for each other at each
        squares = b"".join(square or empty for _, square in done)
        _write_at(descriptor, squares, offset + task[0].number * len(empty))
    finally:
        os.close(descriptor)
    lines = io.StringIO()
    csv.writer(lines, lineterminator="\n").writerows(row for row, _ in done)
    deep = [
        (file.number, (row.low, row.high))
        for file, (row, _) in zip(task, done, strict=True)
        if row.depth == 16
    ]
    num_ok = sum(row.verdict == OK for row, _ in done)
    return _Portion(lines.getvalue(), len(done), num_ok, deep, [])


def _reduce_again(
    images: Path, pixels: Path, offset: int, how: Preprocessing, task: Sequence[_File]
) -> _Portion:
    """Write the pixels of 16-bit images once more, with the range of the set."""
    root, row_bytes = images.resolve(), how.input_size * how.input_size * 3
    descriptor = os.open(pixels, os.O_WRONLY)
    unreadable: list[str] = []
    try:
        with quiet():
            for file in task:
                try:
                    square = preprocess(read_file(root, file.name), how).tobytes()
                    _write_at(descriptor, square, offset + file.number * row_bytes)
                except DecodeError as error:  # it could be decoded before
                    unreadable.append(f"{file.name}: changed while it was read: {error}")
                except (UnreadableError, MemoryError) as error:
                    unreadable.append(_unreadable(file.name, error))
    finally:
        os.close(descriptor)
    return _Portion("", len(task), 0, [], unreadable)


def _unreadable(name: str, error: Exception) -> str:
    return f"{name}: {error}" if str(error) else f"{name}: the memory did not suffice"


def _require_read(portion: _Portion) -> None:
    if portion.unreadable:
        raise UnreadableError(
            f"{len(portion.unreadable)} file(s) cannot be read, whatever they contain. Nothing was "
            "recorded: an image must not vanish from the training because a disk failed\n"
            + listed(portion.unreadable)
        )


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
    low, high = _value_range(decoded)
    row = ImageRow(
        name,
        hashlib.sha256(content).hexdigest(),
        _pixel_sha256(decoded, pixels),
        image.width,
        image.height,
        OK,
        "",
        decoded.format,
        decoded.mode,
        decoded.orientation,
        8 if decoded.values is None else 16,
        low,
        high,
        decoded.opacity,
        num_pages(content, decoded.format) if decoded.may_have_pages else 1,
        tail_of(content),
        how.fit,
    )
    square = fit_square(image, how.input_size, how.fit)
    return row, pixels if square is image else square.tobytes()


def _pixel_sha256(decoded: Decoded, pixels: bytes) -> str:
    size = f"{decoded.image.width}x{decoded.image.height}"
    if decoded.values is None:
        full = hashlib.sha256(f"{size} RGB\n".encode())
        full.update(pixels)
        return full.hexdigest()
    values = np.ascontiguousarray(decoded.values, "<u2")
    full = hashlib.sha256(f"{size} 16-bit {values.ndim}\n".encode())
    full.update(values.data)
    return full.hexdigest()


def _value_range(decoded: Decoded) -> DepthRange:
    """Return `low` and `high` of a line of the table."""
    if decoded.values is not None:
        return used_range(decoded.values)
    channels: Any = decoded.image.getextrema()
    low, high = max(channels, key=lambda channel: channel[1] - channel[0])
    return int(low), int(high)


def _write_table(
    path: Path, portions: Iterable[_Portion]
) -> tuple[int, list[tuple[int, DepthRange]]]:
    num_ok, deep = 0, []
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(",".join(ImageRow._fields) + "\n")
        for portion in portions:
            _require_read(portion)
            file.write(portion.lines)
            num_ok += portion.num_ok
            deep += portion.deep
    return num_ok, deep
