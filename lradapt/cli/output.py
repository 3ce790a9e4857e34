"""Output of commands: text and tables for terminals and pipes, or JSON."""

import json
import os
import sys
from typing import Any

from rich.console import Console

_PIPE_COLUMNS = 10_000  # wide enough for any table, so that grep finds whole rows


def console(*, stderr: bool = False) -> Console:
    """Return a console that fits tables to a terminal, and breaks no line in a pipe.

    Text is printed literally: names in brackets are not markup. Only terminals get colours;
    NO_COLOR, FORCE_COLOR and COLUMNS are respected.
    """
    terminal = Console(stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False)
    if not terminal.is_terminal and "COLUMNS" not in os.environ:
        terminal.width = _PIPE_COLUMNS
    return terminal


def minute(time: str) -> str:
    """Return a time of the registry (ISO 8601) to the minute, for a table."""
    return time[:16].replace("T", " ")


def print_json(value: Any) -> None:
    """Print one JSON value on stdout, without escaping letters; docs/terminal.md has the keys."""
    json.dump(value, sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
