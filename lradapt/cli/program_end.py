"""How a program ends that cannot go on: a message on stderr instead of a traceback, and a code."""

import os
import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from lradapt import __version__
from lradapt.cli import exit_codes
from lradapt.errors import LradaptError
from lradapt.runtime.termination import Terminated

VARIABLE = "LRADAPT_DEBUG"
_OFF = ("", "0")
_REMEDY = f"the same again with {VARIABLE}=1 before it, or with --debug, shows its traceback"


def outside_environment(what: str) -> str:
    """What to say where a package is missing; rich is as well, so nothing else here can say it."""
    return (
        f"error: {what} for {sys.executable}. Enter the project's environment first: "
        "`. .venv/bin/activate` (made by `make install`)"
    )


def show_tracebacks() -> None:
    """From here on an error has its traceback, also in the programs that this one starts."""
    os.environ[VARIABLE] = "1"


@contextmanager
def errors_told(*, debug: bool = False, long_work: bool = False) -> Iterator[None]:
    """A block whose errors end the program with a message and one of `lradapt.cli.exit_codes`.

    Args:
        debug: the message comes with a traceback; LRADAPT_DEBUG=1 says the same.
        long_work: a fault of lradapt's own always has its traceback: nobody wants to wait hours
            for it again.
    """
    if debug:
        show_tracebacks()
    try:
        yield
    except SystemExit as end:
        if end.code == exit_codes.INTERRUPTED:  # what typer makes of Ctrl-C, without a word
            _tell("stopped by Ctrl-C")
        raise
    except KeyboardInterrupt as end:
        _end("stopped by Ctrl-C", exit_codes.INTERRUPTED, end)
    except Terminated as end:
        _end(f"error: {end}", exit_codes.TERMINATED, end)
    except Exception as error:  # noqa: BLE001 what is not expected is a bug, and is told as one
        if isinstance(error, (LradaptError, OSError)):
            _end(_said(error), exit_codes.FAILED, error)
        _end(_said_of_fault(error), exit_codes.FAULT, error, with_traceback=long_work)


def _said(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        name = error.filename
        text = f"{os.fsdecode(name) if isinstance(name, bytes) else name}: {error.strerror}"
    return text if text.startswith("error:") else f"error: {text}"  # a stage's last words have it


def _said_of_fault(fault: Exception) -> str:
    what = textwrap.shorten(f"{type(fault).__name__}: {fault}", 300, placeholder=" ...")
    return f"error: {what}. This is a fault of lradapt {__version__} and not yours: {_REMEDY}"


def _end(text: str, code: int, error: BaseException, *, with_traceback: bool = False) -> NoReturn:
    if with_traceback or os.environ.get(VARIABLE, "") not in _OFF:
        traceback.print_exception(error)
    _tell(text)
    sys.exit(code)


def _tell(text: str) -> None:
    from rich.text import Text

    from lradapt.cli.output import console

    console(stderr=True).print(Text(text, style="red"))
