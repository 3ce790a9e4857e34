"""Files that are either whole or absent: each is written beside its place and renamed into it."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lradapt.errors import DiskFullError

_FULL = tuple(os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT))


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that becomes `path` when the block ends without an error.

    What a process that was killed left half written for the same `path` is removed.

    Raises:
        DiskFullError: the disk filled up in the block.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_orphans(path)
    partial = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        with full_disk_told(path):
            yield partial
            partial.replace(path)
    except OSError as error:
        if str(error.filename) == str(partial):
            error.filename = str(path)  # the name that its user knows
        raise
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def full_disk_told(path: Path) -> Iterator[None]:
    """A block that writes a file or a folder; a full disk is told as such.

    The text is looked at, since not every library that writes raises an `OSError`.

    Raises:
        DiskFullError: the disk filled up in the block.
    """
    try:
        yield
    except Exception as error:
        if not any(text in str(error) for text in _FULL):
            raise
        raise DiskFullError(
            f"the disk is full: {_mebibytes(_free(path))} were left in {path.parent} when {path} "
            "was written; nothing of it is kept. Make room there, and run again"
        ) from None


def reserve(path: Path) -> None:
    """Give every byte of a file that is still sparse its room on the disk.

    A memory map of a sparse file on a full disk kills the process (SIGBUS).

    Raises:
        DiskFullError: there is too little room; says how much is needed and how much is free.
    """
    size, free = path.stat().st_size, _free(path)
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(
            f"{_shown(path)} needs {_mebibytes(size)}, but {_mebibytes(free)} are free in "
            f"{path.parent}; make room there, and run again"
        ) from None
    finally:
        os.close(descriptor)


def flush(path: Path) -> None:
    """Let the disk have what is written to a file, or to a folder; slow, and safe from its loss.

    Without it a machine that loses its power can keep a file's new name and not its content.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _shown(path: Path) -> str:
    """The name that a file has once it is whole."""
    return path.name.removeprefix(".").partition(".partial-")[0]


def _free(path: Path) -> int:
    return shutil.disk_usage(path.parent).free


def _mebibytes(num_bytes: int) -> str:
    return f"{num_bytes / 2**20:,.1f} MiB"


def _remove_orphans(path: Path) -> None:
    prefix = f".{path.name}.partial-"
    for sibling in path.parent.iterdir():
        process = sibling.name.removeprefix(prefix)
        if sibling.name.startswith(prefix) and process.isdecimal() and not _runs(int(process)):
            sibling.unlink(missing_ok=True)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)  # signal 0 asks, and does nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with Unix line ends, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content`, whole or not at all."""
    with whole_file(path) as partial:
        partial.write_bytes(content)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON for people: indented, keys in the order given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """The value in the JSON file at `path`."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256_of(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
