"""How a stage ends before its time: by SIGTERM, which it also gets when its parent dies."""

import ctypes
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EXIT_CODE = 128 + signal.SIGTERM
_PR_SET_PDEATHSIG = 1  # prctl(2)


class Terminated(BaseException):
    """SIGTERM. No `Exception`: like KeyboardInterrupt it must pass whoever handles errors."""


@contextmanager
def on_sigterm(act: Callable[[], None]) -> Iterator[None]:
    """A block in which SIGTERM calls `act`, between two instructions of the main thread.

    In another thread, which cannot say what a signal does, it stays as it is.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)


def end_with_parent() -> None:
    """Let the system send this process SIGTERM when its parent dies, however it dies.

    Linux alone can do this; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the system was told
        os.kill(os.getpid(), signal.SIGTERM)
