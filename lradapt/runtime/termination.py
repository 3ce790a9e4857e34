"""Early termination of a stage by SIGTERM; Linux sends it also when its parent has died."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
