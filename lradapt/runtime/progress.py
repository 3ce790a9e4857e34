"""How far long work is: on a terminal a bar, in a log a line every so often; both on stderr.

Whoever watches from outside has lines in a file besides: see `lradapt.runtime.progress_file`.
What takes less than two seconds shows nothing. No value depends on any of this.
"""

import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from lradapt.runtime import process_rank
from lradapt.runtime.progress_file import VARIABLE, JsonLines

if TYPE_CHECKING:
    from rich.progress import Progress

log = logging.getLogger(__name__)
T = TypeVar("T")
Tell = Callable[[int, float], str]
"""How much is done, and the seconds since the start, in words."""

FIRST_SECONDS = 2.0
BAR_SECONDS, LINE_SECONDS = 0.25, 10.0
_showing = False  # a loop within a loop is part of its progress, and shows nothing of its own


class Display(Protocol):
    """Where progress is shown, once the work has taken two seconds."""

    every_seconds: float

    def show(self, done: int, seconds: float) -> None:
        """So much is done after so long."""
        ...

    def close(self) -> None:
        """The work has ended, or was left."""
        ...


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
    """A block with `items` as they are, whose progress is shown until it ends, however it ends.

    An item counts as done when the next one is asked for.

    Args:
        items: the work.
        what: it is, such as "ingest".
        total: of all sizes.
        unit: what `size` counts, in the plural.
        size: of one item.
        following: what comes after these items at the same rate, at most; counted as `total` is.
        note: for people, behind the numbers.
        clock: seconds from any start.
    """
    global _showing
    if _showing or process_rank.rank():  # of several processes the first shows for all
        yield iter(items)
        return
    display: Display = (Bar if sys.stderr.isatty() else Lines)(
        what, lambda done, seconds: told(done, total, unit, seconds, following, note), total
    )
    shown = _watched(items, size, display, clock)
    if VARIABLE in os.environ:
        shown = _watched(shown, size, JsonLines(what, total, unit), clock)
    _showing = True
    try:
        yield shown
    finally:
        _showing = False
        display.close()


def _watched(
    items: Iterable[T], size: Callable[[T], int], display: Display, clock: Callable[[], float]
) -> Iterator[T]:
    done, start = 0, clock()
    due = start + FIRST_SECONDS
    for item in items:
        yield item
        done += size(item)
        now = clock()
        if now >= due:
            display.show(done, now - start)
            due = now + display.every_seconds


class Lines:
    """A line in the log every ten seconds."""

    every_seconds = LINE_SECONDS

    def __init__(self, what: str, tell: Tell, total: int) -> None:
        self._what, self._tell = what, tell

    def show(self, done: int, seconds: float) -> None:
        """One line."""
        log.info("%s: %s", self._what, self._tell(done, seconds))

    def close(self) -> None:
        """Nothing: what was said stays."""


class Bar:
    """A bar of rich's on this terminal, gone when the work has ended."""

    every_seconds = BAR_SECONDS

    def __init__(self, what: str, tell: Tell, total: int) -> None:
        self._what, self._tell, self._total = what, tell, total
        self._bar: Progress | None = None

    def show(self, done: int, seconds: float) -> None:
        """The bar, with the share that is done."""
        said = self._tell(done, seconds)
        if self._bar is None:
            self._bar = _new_bar()
            self._bar.add_task(self._what, total=self._total, completed=done, said=said)
            self._bar.start()
        else:
            self._bar.update(self._bar.task_ids[0], completed=done, said=said, refresh=True)

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


def _new_bar() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[said]}", markup=False),
        console=Console(stderr=True, highlight=False),
        auto_refresh=False,  # no thread that takes time from the work
        transient=True,
    )


def told(
    done: int, total: int, unit: str, seconds: float, following: int = 0, note: str = ""
) -> str:
    """How much is done after so long, at what rate, and how long the rest will take at it."""
    rate = done / seconds
    left = told_seconds((total - done) / rate) if rate else "unknown time"
    text = f"{done:,} of {total:,} {unit}, {told_rate(rate)}, {left} left"
    if following and rate:
        text += f", at most {told_seconds((total - done + following) / rate)} in all"
    return f"{text}; {note}" if note else text


def told_seconds(seconds: float) -> str:
    """A duration for people: `7 s`, `2 min 05 s`, `1 h 03 min`."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def told_rate(rate: float) -> str:
    """A rate for people: `2,040/s`, `3.2/s`; below one a second `4.0 s each`."""
    if 0 < rate < 1:
        return f"{1 / rate:.1f} s each"
    return f"{rate:,.0f}/s" if rate >= 10 else f"{rate:.1f}/s"
