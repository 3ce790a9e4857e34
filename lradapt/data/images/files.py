"""The files of a folder of images: their names, and the bytes of one where that is safe."""

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from lradapt.data.images.decode import DecodeError
from lradapt.errors import DataError, listed


def list_files(folder: Path) -> list[str]:
    """The files below `folder`, hidden ones too, as sorted relative paths with forward slashes.

    A link to a folder is listed as a file and not followed: it must not vanish without a word.

    Raises:
        DataError: `folder` is missing or empty, or names in it are not UTF-8 (all are named).
        OSError: a folder in it cannot be read.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; make it with `lradapt import folder PATH`")
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
        DataError: files came or went; all are named.
    """
    before, now = set(names), set(_walk(images))
    changes = [f"{name}: gone" for name in names if name not in now]
    changes += [f"{name}: new" for name in sorted(now - before)]
    if changes:
        raise DataError(
            f"{len(changes)} file(s) of {images} came or went while it was read; run again when "
            "nothing writes to it:\n" + listed(changes)
        )


def read_file(root: Path, name: str) -> bytes:
    """The bytes of a file below `root`, a resolved folder.

    Raises:
        DecodeError: hidden, a link that leads outside, not a regular file, or not to be read.
    """
    if name.startswith(".") or "/." in name:
        raise DecodeError("hidden file", "hidden")
    path = os.path.join(root, name)
    if os.path.islink(path):
        _require_inside(root, path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would be waited for
        with open(descriptor, "rb", buffering=0) as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise DecodeError("not a regular file")
            return file.readall()
    except OSError as error:
        raise DecodeError(f"cannot be read: {error.strerror}") from None


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
