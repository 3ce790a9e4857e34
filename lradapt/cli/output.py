"""What a command prints: for people on a console that breaks no line of a pipe, or as JSON."""

import json
import os
import sys
from typing import Any

from rich.console import Console

_PIPE_COLUMNS = 10_000  # a table takes what it needs; what reads it can search whole lines


def console(*, stderr: bool = False) -> Console:
    """Where people read: tables fit the terminal, and nothing is broken within a line of a pipe.

    A text is printed as it is: names in brackets are no markup. Colours are for terminals alone;
    NO_COLOR, FORCE_COLOR and COLUMNS are heeded.
    """
    terminal = Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)
    if not terminal.is_terminal and "COLUMNS" not in os.environ:
        terminal.width = _PIPE_COLUMNS
    return terminal


def minute(time: str) -> str:
    """A time as the registry notes it, to the minute: a table has no room for more."""
    return time[:16].replace("T", " ")


def print_json(value: Any) -> None:
    """One JSON value on stdout, letters as they are written; docs/terminal.md has the keys."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
