"""A new file that is locked from the instant at which others can find it until it is closed."""

import os
from collections.abc import Callable
from pathlib import Path

from lradapt.runtime.system import file_locks
from lradapt.runtime.system.opening import open_file

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
_CLOSED = -1


class LockedFile:
    """A file to append to. It has a hidden name until `show`, so that nobody finds it unlocked.

    Attributes:
        descriptor: of the open file.
    """

    def __init__(self, path: Path, mode: int) -> None:
        """Create the file.

        Raises:
            OSError: the disk is full, read-only or gone; there is no file then.
        """
        self._path, self._hidden = path, path.with_name(f".{path.name}.new")
        self._release: Callable[[], None] | None = None
        self.descriptor = open_file(self._hidden, _NEW, mode)
        try:
            self._release = file_locks.take(self.descriptor, path, wait=False)
        except OSError:
            self.discard()
            raise

    def show(self) -> None:
        """Give the file its name.

        Raises:
            OSError: that is not possible.
        """
        if file_locks.ON_THE_FILE:
            self._hidden.rename(self._path)
            return
        self._close()  # Windows renames no open file; the lock is beside it
        self._hidden.rename(self._path)
        self.descriptor = open_file(self._path, os.O_WRONLY | os.O_APPEND)

    def discard(self) -> None:
        """Close and remove a file that was not shown."""
        self._close()
        self._hidden.unlink(missing_ok=True)
        self._unlock()

    def close(self, *, remove: bool = False) -> None:
        """Close the file, and remove it while it is locked."""
        try:
            if remove and file_locks.ON_THE_FILE:
                self._path.unlink(missing_ok=True)
        finally:
            self._close()
        try:
            if remove:  # Windows removes no open file
                self._path.unlink(missing_ok=True)
        finally:
            self._unlock()

    def _close(self) -> None:
        if self.descriptor != _CLOSED:
            closing, self.descriptor = self.descriptor, _CLOSED
            os.close(closing)

    def _unlock(self) -> None:
        if self._release is not None:
            self._release()
            file_locks.forget(self._path)


def is_locked(path: Path) -> bool:
    """Return whether a process, perhaps this one, has the file locked.

    Raises:
        FileNotFoundError: there is no such file.
    """
    descriptor = open_file(path, os.O_RDONLY)
    try:
        release = file_locks.take(descriptor, path, shared=True, wait=False)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    release()
    file_locks.forget(path)
    return False
