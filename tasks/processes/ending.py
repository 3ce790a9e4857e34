"""The end of a process without taking its objects apart.

Python would touch all memory of each library: 0.7 s for a flow. In a fork it would copy it, too:
seconds with PyTorch. The end of the process frees it anyway.
"""

import atexit
import gc
import io
import logging
import os
import sys
import threading
import weakref
from contextlib import suppress
from multiprocessing import util
from typing import NoReturn

_BUFFERED = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)


def exit_code(ended: SystemExit) -> int:
    """Return the exit code that Python would give; a text as code is printed."""
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    sys.stderr.write(f"{ended.code}\n")
    return 1


def end(code: int) -> NoReturn:
    """Do what a program leaves to its end (threads, `atexit`, files left open), and end."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for each in (sys.stdout, sys.stderr, *gc.get_objects()):  # those two may be frozen
        if issubclass(type(each), _BUFFERED):  # isinstance asks the object, which may raise
            with suppress(ValueError, OSError):  # it is closed, or its reader has gone
                each.flush()
    os._exit(code & 0xFF)


def forget_inherited() -> None:
    """Leave to the parent of this fork what its libraries do at their end.

    PyTorch takes back each of its operators, and sums up times of compilation: 40 MB of memory that
    a fork would copy. What Python itself does at an end stays.
    """
    weakref.finalize._registry.clear()  # type: ignore[attr-defined]
    atexit._clear()
    atexit.register(logging.shutdown)
    atexit.register(util._exit_function)  # type: ignore[attr-defined]
    atexit.register(weakref.finalize._exitfunc)  # type: ignore[attr-defined]
