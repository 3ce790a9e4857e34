"""One run at a time in a project: file locks that the system releases when their holder ends.

A flow holds the run lock from its first step to its last; a stage holds the stage lock while it
computes; an import counts as a run. So a flow, a manual `dvc repro` and an import never write the
same files at the same time. The system releases a lock when its holder ends, also after kill -9.
The lock file remains; its content is valid only while it is locked.
"""

import errno
import json
import logging
import os
import shlex
import socket
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from lradapt.errors import BusyError, LradaptError
from lradapt.runtime.system import file_locks
from lradapt.runtime.system.opening import open_file

log = logging.getLogger(__name__)

_FOLDER = Path(".lradapt")
_RUN, _STAGE = _FOLDER / "run.lock", _FOLDER / "stage.lock"
_OWN_RUN = "LRADAPT_RUN"  # environment of a flow's stages: the pid of the run they belong to
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        pid: of the process.
        host: name of its machine.
        command: its command line.
        since: local time, ISO 8601.
    """

    pid: int
    host: str
    command: str
    since: str

    def __str__(self) -> str:
        return f"`{self.command}` (pid {self.pid} on {self.host}, since {self.since})"


@contextmanager
def run() -> Iterator[None]:
    """Hold the run lock in the block; wait for another run, and for a stage started by hand.

    Within a run of this process or of its parents, nothing is locked again.
    """
    with _run(wait=True):
        yield


@contextmanager
def stage() -> Iterator[None]:
    """Hold the stage lock in the block, within a run or without one.

    It never waits: DVC has already locked the outputs, and the run may be waiting for those.

    Raises:
        BusyError: another stage computes, or a run that this stage is not part of holds the lock.
    """
    with _locked(_STAGE, wait=False):
        holder = _holder(_RUN)
        if holder is not None and not _own(holder):
            raise _busy(holder)
        yield


@contextmanager
def importing() -> Iterator[None]:
    """Hold the run lock in a block that replaces the inputs of runs and stages.

    Raises:
        BusyError: a run or a stage is active.
    """
    with _run(wait=False):
        yield


@contextmanager
def _run(*, wait: bool) -> Iterator[None]:
    holder = _holder(_RUN) if _OWN_RUN in os.environ else None
    if holder is not None and _own(holder):
        yield
        return
    with _locked(_RUN, wait=wait):
        with _locked(_STAGE, wait=wait):
            pass  # no stage started by hand, or left by a killed run, is active
        os.environ[_OWN_RUN] = str(os.getpid())
        try:
            yield
        finally:
            del os.environ[_OWN_RUN]


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    appending = os.O_RDWR | os.O_CREAT | os.O_APPEND  # not "w": the holder's entry
    with _opened(path, appending) as file, _exclusively(file, path, wait=wait):
        file.truncate(0)
        json.dump(asdict(_myself()), file)
        file.flush()
        yield


@contextmanager
def _exclusively(file: IO[str], path: Path, *, wait: bool) -> Iterator[None]:
    """Hold the lock of an open file in the block, which also closes the file."""
    try:
        release = _take(file, path, wait=False)
    except BlockingIOError as error:
        busy = _busy(_read(path))
        if not wait:
            raise busy from error
        log.warning("waiting: %s", busy)
        release = _take(file, path, wait=True)
    try:
        yield
    finally:
        file.close()
        release()


def _opened(path: Path, flags: int) -> IO[str]:
    """Open a lock file; one that is a link is refused, since what it leads to would be emptied."""
    try:
        descriptor = open_file(path, flags)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise LradaptError(
            f"{path} is a link; expected a lock file. Nothing was changed; remove the link"
        ) from error
    return os.fdopen(descriptor, "a+" if flags & os.O_RDWR else "r", encoding="utf-8")


def _take(file: IO[str], path: Path, *, wait: bool, shared: bool = False) -> Callable[[], None]:
    try:
        return file_locks.take(file.fileno(), path, wait=wait, shared=shared)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("this file system has no file locks: start only one run at a time here")
        return lambda: None


def _holder(path: Path) -> Holder | None:
    """Return the holder of a lock; None if it is free."""
    if not path.exists():
        return None
    with _opened(path, os.O_RDONLY) as file:
        try:
            release = _take(file, path, wait=False, shared=True)
        except BlockingIOError:
            return _read(path)
    release()
    return None


def _read(path: Path) -> Holder:
    text = path.read_text(encoding="utf-8")
    return Holder(**json.loads(text)) if text else Holder(0, "?", "just started", "now")


def _myself() -> Holder:
    since = datetime.now().isoformat(sep=" ", timespec="seconds")
    command = textwrap.shorten(shlex.join(sys.orig_argv), 150, placeholder=" ...")
    return Holder(os.getpid(), socket.gethostname(), command, since)


def _own(holder: Holder) -> bool:
    return (str(holder.pid), holder.host) == (os.environ.get(_OWN_RUN), socket.gethostname())


def _busy(holder: Holder) -> BusyError:
    return BusyError(
        f"{holder} is active in this project ({Path.cwd()}): only one run at a time is allowed: "
        "wait until it ends, or stop it"
    )
