"""Atomic writes: a file is written under a temporary name, then renamed, so it is never partial."""

import csv
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lradapt.errors import DiskFullError
from lradapt.runtime.system import disk
from lradapt.runtime.system.processes import is_running

_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT)
_FULL = tuple(os.strerror(number) for number in _FULL_NUMBERS)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary path that is renamed to `path` when the block ends without an error.

    Temporary files that killed processes left for the same `path` are removed.

    Raises:
        DiskFullError: the disk filled up in the block.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with full_disk_as_error(path):
            yield partial
            disk.replace(partial, path)
    except OSError as error:
        if str(error.filename) == str(partial):
            error.filename = str(path)  # the user does not know the temporary name
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def full_disk_as_error(path: Path) -> Iterator[None]:
    """Turn any error that a full disk causes in the block into a `DiskFullError`.

    The error is recognised by its text, since not every library raises an `OSError`.

    Raises:
        DiskFullError: the disk filled up in the block.
    """
    try:
        yield
    except Exception as error:
        if not any(text in str(error) for text in _FULL):
            raise
        raise DiskFullError(
            f"the disk is full: {_mebibytes(_free(path))} were free in {path.parent} while {path} "
            "was written; the partial file was removed. Free some space and run again"
        ) from error


def reserve(path: Path) -> None:
    """Allocate disk space for every byte of a sparse file.

    Writing to a memory map of a sparse file on a full disk kills the process (SIGBUS).

    Raises:
        DiskFullError: there is too little space; reports the bytes needed and the bytes free.
    """
    size, free = path.stat().st_size, _free(path)
    try:
        disk.allocate(path)
    except OSError as error:
        if error.errno not in _FULL_NUMBERS:
            raise
        raise DiskFullError(
            f"{_final_name(path)} needs {_mebibytes(size)}, but only {_mebibytes(free)} are free "
            f"in {path.parent}. Free some space and run again"
        ) from error


def _final_name(path: Path) -> str:
    """Return the name that a temporary file gets once it is complete."""
    return path.name.removeprefix(".").partition(".partial-")[0]


def _free(path: Path) -> int:
    return shutil.disk_usage(path.parent).free


def _mebibytes(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:,.1f} MiB"


def _remove_orphans(path: Path) -> None:
    prefix = f".{path.name}.partial-"
    for sibling in path.parent.iterdir():
        pid = sibling.name.removeprefix(prefix)
        if sibling.name.startswith(prefix) and pid.isdecimal() and not is_running(int(pid)):
            sibling.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` atomically as UTF-8 with Unix line ends."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` atomically."""
    with whole_file(path) as partial:
        partial.write_bytes(content)


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a table atomically, with Unix line ends."""
    with whole_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read the value in the JSON file at `path`."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
