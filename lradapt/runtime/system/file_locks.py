"""Locks of files, which the system releases when their holder ends.

The lock is on the file itself (`flock`). Where the system has no such lock, as Windows, it is on a
file beside it, by filelock: a locked file could not be read there.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

ON_THE_FILE = find_spec("fcntl") is not None
"""Whether the lock is on the file itself, and its names may change while it is locked."""

_LOOK_SECONDS, _POLL_SECONDS = 0.5, 0.02


def take(
    descriptor: int, path: Path, *, shared: bool = False, wait: bool = True
) -> Callable[[], None]:
    """Lock an open file until it is closed.

    Args:
        descriptor: of the file.
        path: of the file.
        shared: only to see whether somebody has locked it; others may look at the same time.
        wait: until it is free.

    Returns:
        What must be called after the file was closed.

    Raises:
        BlockingIOError: another has locked it.
        OSError: the file system has no locks.
    """
    if not ON_THE_FILE:
        return _take_beside(path, wait=wait)
    import fcntl

    operation = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    fcntl.flock(descriptor, operation if wait else operation | fcntl.LOCK_NB)
    return _nothing


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock beside a file, which need not be there, in a block."""
    release = _take_beside(path, wait=True)
    try:
        yield
    finally:
        release()


def forget(path: Path) -> None:
    """Remove what a killed process has left of its lock of a file that nobody locks again."""
    if not ON_THE_FILE:
        with suppress(OSError):
            _beside(path).unlink()


def _take_beside(path: Path, *, wait: bool) -> Callable[[], None]:
    """Lock the file beside `path`; who only looks holds it for a moment, which is waited for."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="only soft file lock is available")
        from filelock import FileLock, Timeout
    lock = FileLock(_beside(path), thread_local=False)
    try:
        lock.acquire(timeout=-1 if wait else _LOOK_SECONDS, poll_interval=_POLL_SECONDS)
    except Timeout as error:
        text = os.strerror(errno.EWOULDBLOCK)
        raise BlockingIOError(errno.EWOULDBLOCK, text, str(path)) from error
    return lock.release


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name.removeprefix('.')}.held")


def _nothing() -> None:
    """Do nothing: the lock ends with the descriptor."""
