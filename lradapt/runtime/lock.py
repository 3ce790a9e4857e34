"""One run at a time in a project: who works in it, by locks that end with their holder.

A flow holds the lock of the run from its first step to its last, a stage the lock of the stage
while it computes; an import counts as a run. So a flow, `dvc repro` by hand and an import never
write the same files side by side. The system frees a lock when its holder ends, also by kill -9;
the file of a lock stays, and what it says counts only while it is locked.
"""

import errno
import fcntl
import json
import logging
import os
import shlex
import socket
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from lradapt.errors import BusyError

log = logging.getLogger(__name__)

_FOLDER = Path(".lradapt")
_RUN, _STAGE = _FOLDER / "run.lock", _FOLDER / "stage.lock"
_OWN_RUN = "LRADAPT_RUN"  # tells the stages of a flow, its children, whose run they belong to
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that holds a lock.

    Attributes:
        pid: its number.
        host: the machine's name.
        command: as it was typed, on one line.
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
    """A block that has this project for itself; waits for another run, and for a lone stage.

    Within a run of this process or of its parents, nothing is locked anew.
    """
    with _run(wait=True):
        yield


@contextmanager
def stage() -> Iterator[None]:
    """A block that computes a stage; of a run, or of none.

    It never waits: DVC has locked the outputs by then, for which the run itself may be waiting.

    Raises:
        BusyError: another stage computes, or a run holds the project that this is no stage of.
    """
    with _locked(_STAGE, wait=False):
        holder = _holder(_RUN)
        if holder is not None and not _own(holder):
            raise _busy(holder)
        yield


@contextmanager
def importing() -> Iterator[None]:
    """A block that replaces what runs and stages read.

    Raises:
        BusyError: a run or a stage is going on.
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
            pass  # a stage by hand, or one that a killed run has left behind, has ended
        os.environ[_OWN_RUN] = str(os.getpid())
        try:
            yield
        finally:
            del os.environ[_OWN_RUN]


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:  # must not empty what its holder has written
        try:
            _flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = _busy(_read(path))
            if not wait:
                raise busy from None
            log.warning("waiting: %s", busy)
            _flock(file.fileno(), fcntl.LOCK_EX)
        file.truncate(0)
        json.dump(asdict(_myself()), file)
        file.flush()
        yield


def _flock(descriptor: int, operation: int) -> None:
    try:
        fcntl.flock(descriptor, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        log.warning("this file system has no locks; see to it that one run works here at a time")


def _holder(path: Path) -> Holder | None:
    """Who holds a lock; None where it is free."""
    if not path.exists():
        return None
    with path.open(encoding="utf-8") as file:
        try:
            _flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(path)
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
        f"{holder} works in this project ({Path.cwd()}); one run at a time: wait until it has "
        "ended, or end it"
    )
