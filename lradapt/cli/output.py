"""Output of commands: text and tables for terminals and pipes, or JSON."""

import json
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.segment import Segment

from lradapt.text import json_text, printable

_PIPE_COLUMNS = 10_000  # wide enough for any table, so that grep finds whole rows


class _PlainConsole(Console):
    """A console on which no text can act as an escape sequence; our own styles do."""

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """Render laid out segments, with the control characters of texts escaped.

        Before the layout, a table would cut off the letters that the escapes add.
        """
        plain = (
            each if each.control else each._replace(text=printable(each.text, keep="\n"))
            for each in buffer
        )
        return super()._render_buffer(plain)


def console(*, stderr: bool = False) -> Console:
    """Return a console that fits tables to a terminal, and breaks no line in a pipe.

    Text is printed literally: names in brackets are not markup, control characters are escaped.
    Only terminals get colours; NO_COLOR, FORCE_COLOR and COLUMNS are respected.
    """
    terminal = _PlainConsole(
        stderr=stderr, soft_wrap=True, markup=False, emoji=False, highlight=False
    )
    if not terminal.is_terminal and "COLUMNS" not in os.environ:
        terminal.width = _PIPE_COLUMNS
    return terminal


def minute(time: str) -> str:
    """Return a time of the registry (ISO 8601) to the minute, for a table."""
    return time[:16].replace("T", " ")


def print_json(value: Any) -> None:
    """Print one JSON value on stdout, without escaping letters; docs/terminal.md has the keys."""
    sys.stdout.write(json_text(json.dumps(value, indent=2, ensure_ascii=False)) + "\n")
