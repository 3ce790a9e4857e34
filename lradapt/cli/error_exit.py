"""Ending a program on an error: a message on stderr instead of a traceback, and an exit code."""

import os
import sys
import textwrap
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from lradapt import __version__
from lradapt.cli import exit_codes
from lradapt.cli.extras import extra_of, missing_module_message
from lradapt.errors import LradaptError
from lradapt.runtime.termination import Terminated
from lradapt.text import printable

VARIABLE = "LRADAPT_DEBUG"
_OFF = ("", "0")
_INTERRUPTED = "stopped by Ctrl-C"


def enable_tracebacks() -> None:
    """Print a traceback with each error from now on, also in the programs that this one starts."""
    os.environ[VARIABLE] = "1"


@contextmanager
def exit_on_error(*, debug: bool = False, long_work: bool = False) -> Iterator[None]:
    """End the program on an error of the block, with a message and a code of `exit_codes`.

    Args:
        debug: print the traceback, with the causes of the error; LRADAPT_DEBUG=1 does the same.
        long_work: always print the traceback of an internal error, since reproducing it may take
            hours.
    """
    if debug:
        enable_tracebacks()
    try:
        yield
    except SystemExit as end:
        if end.code == exit_codes.INTERRUPTED:  # typer turns Ctrl-C into this, without a message
            _print(_INTERRUPTED)
        raise
    except KeyboardInterrupt as end:
        _exit(_INTERRUPTED, exit_codes.INTERRUPTED, end)
    except Terminated as end:
        _exit(f"error: {end}", exit_codes.TERMINATED, end)
    except (LradaptError, OSError) as error:
        _exit(_message(error), exit_codes.FAILED, error)
    except Exception as error:  # noqa: BLE001 an unexpected error is a bug, and reported as one
        _exit_if_extra_missing(error)
        _exit(_bug_message(error), exit_codes.INTERNAL_ERROR, error, with_traceback=long_work)


def _exit_if_extra_missing(error: Exception) -> None:
    """End the program if the error is that the packages of an extra are not installed."""
    if isinstance(error, ModuleNotFoundError) and extra_of(error.name):
        _exit(missing_module_message(error.name), exit_codes.FAILED, error)


def _message(error: Exception) -> str:
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{printable(os.fsdecode(error.filename))}: {error.strerror}"
    return text if text.startswith("error:") else f"error: {text}"  # a stage has printed the prefix


def _bug_message(error: Exception) -> str:
    what = textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder=" ...")
    return (
        f"error: {what}. This is an internal error of lradapt {__version__}; please report it with "
        f"its traceback: run the same command again with --debug, or with {VARIABLE}=1"
    )


def _exit(text: str, code: int, error: BaseException, *, with_traceback: bool = False) -> NoReturn:
    if with_traceback or os.environ.get(VARIABLE, "") not in _OFF:
        traceback.print_exception(error)
    _print(text)
    sys.exit(code)


def _print(text: str) -> None:
    from rich.text import Text

    from lradapt.cli.output import console

    console(stderr=True).print(Text(text, style="red"))
