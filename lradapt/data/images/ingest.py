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
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lradapt.data.images.decode import Preprocessing, preprocess
from lradapt.data.images.decode_errors import DecodeError
from lradapt.data.images.depth import FULL, DepthRange, range_of_set
from lradapt.data.images.file_names import require_plain_names
from lradapt.data.images.files import list_files, read_file, require_unchanged
from lradapt.data.images.image_table import OK, PIXELS, TABLE, ImageRow, depth_range_of, read_table
from lradapt.data.images.ingest_file import ingest_file
from lradapt.data.images.open_image import quiet, reuse_memory
from lradapt.errors import DataError, UnreadableError, listed
from lradapt.runtime.files import reserve, whole_file
from lradapt.runtime.progress import tracked
from lradapt.runtime.row_cache import NOTHING, Kept
from lradapt.runtime.system.cores import available_cores
from lradapt.runtime.system.disk import write_at
from lradapt.runtime.system.opening import open_file
from lradapt.runtime.system.processes import start_method

log = logging.getLogger(__name__)

_FILES_PER_TASK = 64
_FEW_FILES = 500  # below it, processes cost more than they save


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
        DataError: the folder is missing or has no file, names that no table can hold, none of its
            files is an image, files were added or removed while it was read, or a process was
            killed.
        UnreadableError: the disk or the memory did not give a file, whatever its content is.
        DiskFullError: too little room for `pixels` or `table`.
    """
    names = list_files(images)
    require_plain_names(images, names)
    files = _recognised(images, names, kept)
    with whole_file(pixels) as partial_pixels, whole_file(table) as partial_table:
        offset = _allocate(partial_pixels, len(names), how.input_size)
        work = partial(_ingest_files, images, partial_pixels, offset, how, kept.files.get(PIXELS))
        with _shown(_in_order(work, files, num_workers), "ingest", len(files)) as portions:
            num_ok, deep = _write_table(partial_table, portions)
        if not num_ok:
            raise _no_image(images, names, partial_table)
        found = range_of_set([used for _, used in deep])
        redone = [files[number] for number in _of_another_range(files, deep, found, kept)]
        work = partial(
            _reduce_again, images, partial_pixels, offset, replace(how, depth_range=found)
        )
        what = f"16 bits: {found[0]} to {found[1]}"
        with _shown(_in_order(work, redone, num_workers), what, len(redone)) as portions:
            for portion in portions:
                _require_read(portion)
        require_unchanged(images, names)
    return len(names)


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


def _no_image(images: Path, names: Sequence[str], table: Path) -> DataError:
    return DataError(
        f"none of the {len(names)} files in {images} is an image; the first: "
        f"{names[0]} ({read_table(table)[0].verdict}). Expected JPEG, PNG, WebP, "
        "TIFF or another image format"
    )


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
    num_workers = num_workers or available_cores()
    if num_workers == 1 or sum(file.row is None for file in files) < _FEW_FILES:
        for task in tasks:
            yield work(task)
        return
    context = multiprocessing.get_context(start_method())
    try:
        with ProcessPoolExecutor(num_workers, context, initializer=reuse_memory) as pool:
            yield from pool.map(work, tasks)
    except BrokenProcessPool as error:
        raise DataError(
            f"one of {num_workers} processes that decode images was killed, most likely because "
            "the memory was full; lower data.max_megapixels, or use fewer cores (taskset -c 0)"
        ) from error


def _shown(
    portions: Iterable[_Portion], what: str, num_files: int
) -> AbstractContextManager[Iterator[_Portion]]:
    """Show the progress of the portions in files."""
    return tracked(
        portions, what, total=num_files, unit="images", size=lambda portion: portion.num_files
    )


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
                done.append(ingest_file(root, file.name, how))
            except (UnreadableError, MemoryError) as error:
                unreadable.append(_unreadable(file.name, error))
    if unreadable:
        return _Portion("", len(task), 0, [], unreadable)
    descriptor = open_file(pixels, os.O_WRONLY)
    try:  # a single write: processes wait for each other at each
        squares = b"".join(square or empty for _, square in done)
        write_at(descriptor, squares, offset + task[0].number * len(empty))
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
    descriptor = open_file(pixels, os.O_WRONLY)
    unreadable: list[str] = []
    try:
        with quiet():
            for file in task:
                try:
                    square = preprocess(read_file(root, file.name), how).tobytes()
                    write_at(descriptor, square, offset + file.number * row_bytes)
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
