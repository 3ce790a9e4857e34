"""Opening a file without following a link, as bytes, and without waiting for a named pipe."""

import errno
import os
import stat
from pathlib import Path

_MOUNT_POINT = 0xA0000003  # the reparse tag of a junction of Windows, which is a link in effect


def open_any(path: str | Path, flags: int, mode: int = 0o666) -> int:
    """Open a file, also through a link, and return its descriptor; see `os.open`."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), mode)


def open_file(path: str | Path, flags: int, mode: int = 0o666, *, folder: int | None = None) -> int:
    """Open a file that is no link, and return its descriptor.

    Args:
        path: of the file; below `folder`, where that is given.
        flags: of `os.open`.
        mode: of a new file.
        folder: the descriptor of an open folder.

    Raises:
        OSError: as `os.open`; ELOOP where the file is a link.
    """
    flags |= getattr(os, "O_BINARY", 0)  # else Windows would change line ends
    if hasattr(os, "O_NOFOLLOW"):
        return os.open(path, flags | os.O_NOFOLLOW, mode, dir_fd=folder)
    return _open_checked(path, flags, mode)


def without_waiting(flags: int) -> int:
    """Return flags with which to open a named pipe does not wait for its other end."""
    return flags | getattr(os, "O_NONBLOCK", 0)


def is_link(found: os.stat_result) -> bool:
    """Return whether a result of `os.lstat` is that of a link."""
    return stat.S_ISLNK(found.st_mode) or getattr(found, "st_reparse_tag", 0) == _MOUNT_POINT


def link_error(path: str | Path) -> OSError:
    """Return the error that the system gives for a link that is not followed."""
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _open_checked(path: str | Path, flags: int, mode: int) -> int:
    """Open a file, and look before and after whether its name is that of a link."""
    if os.path.lexists(path) and is_link(os.lstat(path)):
        raise link_error(path)
    descriptor = os.open(path, flags, mode)
    try:
        found = os.lstat(path)
        if is_link(found) or not os.path.samestat(found, os.fstat(descriptor)):
            raise link_error(path)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
