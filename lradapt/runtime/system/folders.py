"""An open folder in which names are used: no link on the way to it, or in it, is followed.

Where the system can, a folder is a handle, so that nobody can put a link in its place between two
steps. Elsewhere each step looks at the path again.
"""

import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from lradapt.runtime.system import disk
from lradapt.runtime.system.opening import is_link, link_error, open_file

Entry = tuple[str, os.stat_result]


class Folder(Protocol):
    """An open folder; names are those of entries of it. Its errors are those of the system."""

    def inner(self, name: str) -> "Folder":
        """Open a folder in it; NotADirectoryError or ELOOP where it is a file or a link."""
        ...

    def make(self, name: str) -> None:
        """Make a folder in it."""
        ...

    def look(self, name: str) -> os.stat_result:
        """Return what the system knows of an entry; of a link, not of what it leads to."""
        ...

    def entries(self) -> Sequence[Entry]:
        """Return all entries, each as of `look`."""
        ...

    def open(self, name: str, flags: int) -> int:
        """Open a file in it and return the descriptor; ELOOP where it is a link."""
        ...

    def name_new(self, partial: str, name: str) -> None:
        """Give a file a name that no file has yet; FileExistsError where one has it."""
        ...

    def replace(self, partial: str, name: str) -> None:
        """Give a file the name of another, which it replaces."""
        ...

    def unlink(self, name: str) -> None:
        """Remove a file."""
        ...

    def flush(self) -> None:
        """Write its entries to the disk."""
        ...

    def close(self) -> None:
        """Close it; what is open in it stays open."""
        ...


def open_folder(path: Path) -> Folder:
    """Open a folder, which itself may be a link."""
    if os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW"):
        return _Handle(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
    if not stat.S_ISDIR(os.stat(path).st_mode):
        raise NotADirectoryError(f"{path} is not a folder")
    return _Path(path)


class _Handle:
    """A folder by its descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def inner(self, name: str) -> Folder:
        return _Handle(self.open(name, os.O_RDONLY | os.O_DIRECTORY))

    def make(self, name: str) -> None:
        os.mkdir(name, dir_fd=self._descriptor)

    def look(self, name: str) -> os.stat_result:
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def entries(self) -> Sequence[Entry]:
        with os.scandir(self._descriptor) as entries:
            return [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]

    def open(self, name: str, flags: int) -> int:
        return open_file(name, flags, folder=self._descriptor)

    def name_new(self, partial: str, name: str) -> None:
        here = self._descriptor
        os.link(partial, name, src_dir_fd=here, dst_dir_fd=here, follow_symlinks=False)

    def replace(self, partial: str, name: str) -> None:
        os.replace(partial, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)

    def unlink(self, name: str) -> None:
        os.unlink(name, dir_fd=self._descriptor)

    def flush(self) -> None:
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class _Path:
    """A folder by its path, whose last part is checked at each step."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def inner(self, name: str) -> Folder:
        found = self.look(name)
        if is_link(found):
            raise link_error(self._path / name)
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(f"{self._path / name} is not a folder")
        return _Path(self._path / name)

    def make(self, name: str) -> None:
        os.mkdir(self._path / name)

    def look(self, name: str) -> os.stat_result:
        return os.lstat(self._path / name)

    def entries(self) -> Sequence[Entry]:
        with os.scandir(self._path) as entries:
            return [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]

    def open(self, name: str, flags: int) -> int:
        return open_file(self._path / name, flags)

    def name_new(self, partial: str, name: str) -> None:
        disk.name_new(self._path / partial, self._path / name)

    def replace(self, partial: str, name: str) -> None:
        disk.replace(self._path / partial, self._path / name)

    def unlink(self, name: str) -> None:
        os.unlink(self._path / name)

    def flush(self) -> None:
        disk.flush(self._path)

    def close(self) -> None:
        """Do nothing: nothing is open."""
