"""The files of a folder of images: their names, and the bytes of one where that is safe."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from lradapt.data.images.decode_errors import DecodeError
from lradapt.errors import DataError, UnreadableError, listed
from lradapt.runtime.system.opening import open_any, without_waiting

_OF_FOLDER = (errno.ENOENT, errno.ELOOP, errno.ENXIO)
"""Reasons that the folder gives: a link to nothing or to itself, a socket, a removed file."""


def list_files(folder: Path) -> list[str]:
    """List the files below `folder`, also hidden ones: sorted relative paths with forward slashes.

    A link to a folder is listed as a file and not followed, so that a message can name it.

    Raises:
        DataError: `folder` is missing or empty, or names are not UTF-8 (the message has all).
        OSError: a folder in it cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; create it with `lradapt import folder PATH`")
    names = sorted(_walk(folder))
    if not names:
        raise DataError(f"{folder} is empty; expected images in it (`lradapt import --help`)")
    unwritable = [str(os.fsencode(name)) for name in names if not _is_utf8(name)]
    if unwritable:
        raise DataError(
            f"{len(unwritable)} of {len(names)} names in {folder} are not UTF-8, which "
            "tables need; rename the files:\n" + listed(unwritable)
        )
    return names


def require_unchanged(images: Path, names: Sequence[str]) -> None:
    """Check that the files below `images` are still `names`.

    Raises:
        DataError: files were added or removed; the message names all.
    """
    before, now = set(names), set(_walk(images))
    changes = [f"{name}: removed" for name in names if name not in now]
    changes += [f"{name}: added" for name in sorted(now - before)]
    if changes:
        raise DataError(
            f"{len(changes)} file(s) of {images} were added or removed while it was read; run "
            "again when no other program writes to it:\n" + listed(changes)
        )


def read_file(root: Path, name: str) -> bytes:
    """Read a file below `root`, a resolved folder.

    Raises:
        DecodeError: hidden, a link that leads outside or to nothing, or not a regular file.
        UnreadableError: the system does not give its content (a disk, permissions, memory), which
            says nothing about the content.
    """
    if name.startswith(".") or "/." in name:
        raise DecodeError("hidden file", "hidden")
    path = os.path.join(root, name)
    if os.path.islink(path):
        _require_inside(root, path)
    try:
        descriptor = open_any(path, without_waiting(os.O_RDONLY))  # else opening a pipe blocks
        with open(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DecodeError("not a regular file")
            return file.readall()
    except OSError as error:
        raise fault_of_reading(error) from error


def fault_of_reading(error: OSError) -> DecodeError | UnreadableError:
    """Return the error for a file that could not be read: of the folder, or of this machine."""
    if error.errno in _OF_FOLDER:
        return DecodeError(f"cannot be read: {error.strerror}")
    return UnreadableError(
        f"cannot be read: {error.strerror}; check its disk and permissions, and run again"
    )


def _walk(folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(folder, onerror=_raise):
        below = Path(parent).relative_to(folder).as_posix() + "/"
        prefix = "" if below == "./" else below
        links = [name for name in folders if Path(parent, name).is_symlink()]
        yield from (prefix + name for name in files + links)


def _raise(error: OSError) -> None:
    raise error


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:  # Python stands lone surrogates for other bytes
        return False
    return True


def _require_inside(root: Path, link: str) -> None:
    if not Path(os.path.realpath(link)).is_relative_to(root):
        raise DecodeError("a link that leads outside the images folder; put the file itself there")
    if os.path.isdir(link):
        raise DecodeError("a link to a folder, which is not followed; put the folder itself there")
