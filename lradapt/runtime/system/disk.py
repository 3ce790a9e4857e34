"""Files on the disk: space, names, and what is written for good."""

import errno
import mmap
import os
import shutil
import time
from pathlib import Path

from lradapt.runtime.system import kind
from lradapt.runtime.system.file_locks import held

_BLOCK = 2**23
_OPEN_ELSEWHERE_SECONDS, _POLL_SECONDS = 5.0, 0.02


def flush(path: Path) -> None:
    """Write a file's content, or a folder's entries, to the disk (fsync); slow.

    Without it a machine that loses power can keep a file's new name but not its content. Windows
    has no such call for a folder: its file system keeps a journal of names.
    """
    if not hasattr(os, "O_DIRECTORY") and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY if hasattr(os, "O_DIRECTORY") else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allocate(path: Path) -> None:
    """Give each byte of a sparse file its space on the disk.

    Raises:
        OSError: there is too little space.
    """
    if not hasattr(os, "posix_fallocate"):
        _rewrite(path)
        return
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.posix_fallocate(descriptor, 0, path.stat().st_size)
    finally:
        os.close(descriptor)


def _rewrite(path: Path) -> None:
    with path.open("r+b", buffering=0) as file:
        while block := file.read(_BLOCK):
            file.seek(-len(block), os.SEEK_CUR)
            file.write(block)


def write_at(descriptor: int, content: bytes, offset: int) -> None:
    """Write all of `content`; the system may accept only a part at a time."""
    left = memoryview(content)
    while left:
        written = _write_part(descriptor, left, offset)
        left, offset = left[written:], offset + written


def _write_part(descriptor: int, content: memoryview, offset: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, content, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, content)


def replace(partial: Path, path: Path) -> None:
    """Give a file the name of another, which it replaces.

    Windows refuses this while somebody reads the other one: then it is tried again for seconds.
    """
    deadline = time.monotonic() + (_OPEN_ELSEWHERE_SECONDS if kind.ON_WINDOWS else 0)
    while True:
        try:
            os.replace(partial, path)
        except PermissionError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_POLL_SECONDS)
        else:
            return


def name_new(partial: Path, path: Path) -> None:
    """Give a file a second name that no file has yet; of several callers one succeeds.

    Where the system or the disk has no hard links, it gets the new name in place of the first.

    Raises:
        FileExistsError: there is a file of this name.
    """
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except (AttributeError, OSError):
        if hasattr(os, "O_NOFOLLOW"):
            raise
    else:
        return
    with held(path):
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        replace(partial, path)


def link_or_copy(path: Path, copy: Path) -> None:
    """Give a file another name, or where that is not possible, make a copy of this name."""
    try:
        os.link(path, copy)
    except (OSError, AttributeError):  # another file system, or one without links
        shutil.copyfile(path, copy)


def release_pages(pages: mmap.mmap) -> None:
    """Release the memory of a map, if the system can be told; it keeps the pages cached."""
    if hasattr(mmap, "MADV_DONTNEED"):
        pages.madvise(mmap.MADV_DONTNEED)
