"""The progress of a stage on the terminal of a flow by hand: one line below the log.

The stage writes into a pipe, so its own bar is not shown. Each line of the log takes the place of
the bar, which is drawn again with the next progress.
"""

import logging
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_WIDTH = 24
_ERASE = "\r\x1b[2K"


class TerminalBar:
    """A line that is drawn again and again at the end of a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._lock, self._drawn = stream, threading.Lock(), False

    def draw(self, share: float, text: str) -> None:
        """Draw the share done (0 to 100) and a text, whose paragraphs follow each other."""
        columns = shutil.get_terminal_size().columns
        line = f"{_blocks(share)} {share:3.0f} %  {' · '.join(text.split(chr(10) * 2))}"
        with self._lock:
            self._stream.write(f"{_ERASE}{line[: columns - 1]}")
            self._stream.flush()
            self._drawn = True

    def erase(self) -> None:
        """Remove the line, so that something else can be written in its place."""
        with self._lock:
            if self._drawn:
                self._stream.write(_ERASE)
                self._stream.flush()
            self._drawn = False


def _blocks(share: float) -> str:
    done = round(_WIDTH * min(max(share, 0.0), 100.0) / 100)
    return "━" * done + " " * (_WIDTH - done)


@contextmanager
def terminal_bar() -> Iterator[TerminalBar | None]:
    """Yield a bar for the block; None if stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    bar = TerminalBar(sys.stderr)

    def make_room(_: logging.LogRecord) -> bool:
        bar.erase()
        return True

    handlers = list(logging.getLogger().handlers)
    for handler in handlers:
        handler.addFilter(make_room)
    try:
        yield bar
    finally:
        for handler in handlers:
            handler.removeFilter(make_room)
        bar.erase()
