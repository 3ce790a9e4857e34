"""Early termination of a stage by SIGTERM, which the system also sends when its parent dies."""

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
    """SIGTERM was received. Not an `Exception`, so that no error handler catches it."""


@contextmanager
def on_sigterm(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` on SIGTERM during the block, between two instructions of the main thread.

    Another thread cannot set signal handlers: there the block runs without one.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, lambda *_: act())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def end_with_parent() -> None:
    """Ask the system to send this process SIGTERM when its parent dies, for whatever reason.

    Only Linux supports this; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call of prctl
        os.kill(os.getpid(), signal.SIGTERM)
