"""The progress of long work: a bar on a terminal, else a log line every ten seconds; on stderr.

Other programs read lines in a file instead: see `lradapt.runtime.progress_file`. Work of less than
two seconds shows nothing. No result depends on this module.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from lradapt.runtime import process_rank
from lradapt.runtime.progress_file import EVERY_SECONDS, ProgressFile

if TYPE_CHECKING:
    from rich.progress import Progress

log = logging.getLogger(__name__)
T = TypeVar("T")
Describe = Callable[[int, float], str]
"""The amount done and the seconds since the start, to a text."""

FIRST_SECONDS = 2.0
BAR_SECONDS, LINE_SECONDS = 0.25, 10.0
_within: ContextVar[bool] = ContextVar("within a tracked loop", default=False)


@contextmanager
def tracked(
    items: Iterable[T],
    what: str,
    *,
    total: int,
    unit: str,
    size: Callable[[T], int] = lambda _: 1,
    following: int = 0,
    note: str = "",
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Iterator[T]]:
    """Show the progress through `items` during a block, which gets them unchanged.

    An item counts as done when the next one is requested. A loop within a tracked loop is part of
    its progress, and shows none of its own.

    Args:
        items: the work.
        what: its name, such as "ingest".
        total: of all sizes.
        unit: what `size` counts, in the plural.
        size: of one item.
        following: what comes after these items at the same rate, at most; counted as `total` is.
        note: text after the numbers.
        clock: seconds from any start.
    """
    if _within.get() or process_rank.rank():  # of several processes the first shows for all
        yield iter(items)
        return

    def text(done: int, seconds: float) -> str:
        return describe(done, total, unit, seconds, following, note)

    def log_line(done: int, seconds: float) -> None:
        log.info("%s: %s", what, text(done, seconds))

    def write_line(done: int, seconds: float) -> None:
        file.write(what=what, done=done, total=total, unit=unit, seconds=seconds)

    bar, file = Bar(what, text, total), ProgressFile()
    show, every_seconds = (
        (bar.show, BAR_SECONDS) if sys.stderr.isatty() else (log_line, LINE_SECONDS)
    )
    shown = _watched(items, size, show, every_seconds, clock)
    if file.path:
        shown = _watched(shown, size, write_line, EVERY_SECONDS, clock)
    token = _within.set(True)
    try:
        yield shown
    finally:
        _within.reset(token)
        bar.close()


def _watched(
    items: Iterable[T],
    size: Callable[[T], int],
    show: Callable[[int, float], None],
    every_seconds: float,
    clock: Callable[[], float],
) -> Iterator[T]:
    """Yield the items; after two seconds call `show` with the amount done and the seconds."""
    done, start = 0, clock()
    due = start + FIRST_SECONDS
    for item in items:
        yield item
        done += size(item)
        now = clock()
        if now >= due:
            show(done, now - start)
            due = now + every_seconds


class Bar:
    """A bar on this terminal, drawn when it is first shown, removed when the work has ended."""

    def __init__(self, what: str, describe: Describe, total: int) -> None:
        self._what, self._describe, self._total = what, describe, total
        self._bar: Progress | None = None

    def show(self, done: int, seconds: float) -> None:
        """Draw the bar with the share done."""
        text = self._describe(done, seconds)
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task(self._what, total=self._total, completed=done, text=text)
            self._bar.start()
        else:
            self._bar.update(self._bar.task_ids[0], completed=done, text=text, refresh=True)

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.stop()


def _new_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=Console(stderr=True, highlight=False),
        auto_refresh=False,  # no thread that takes time from the work
        transient=True,
    )


def describe(
    done: int, total: int, unit: str, seconds: float, following: int = 0, note: str = ""
) -> str:
    """Return the amount done, the rate, and the time left at that rate, as a text."""
    rate = done / seconds
    left = format_seconds((total - done) / rate) if rate else "unknown time"
    text = f"{done:,} of {total:,} {unit}, {format_rate(rate)}, {left} left"
    if following and rate:
        text += f", at most {format_seconds((total - done + following) / rate)} in all"
    return f"{text}; {note}" if note else text


def format_seconds(seconds: float) -> str:
    """Format a duration: `7 s`, `2 min 05 s`, `1 h 03 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def format_rate(rate: float) -> str:
    """Format a rate: `2,040/s`, `3.2/s`; below one a second `4.0 s each`."""
    if 0 < rate < 1:
        return f"{1 / rate:.1f} s each"
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
