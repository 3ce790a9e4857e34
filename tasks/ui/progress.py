"""The progress of a stage in Prefect's UI: one artifact, updated while the stage runs.

The stage appends lines to a file (`lradapt.runtime.progress_file`); a thread here reads them. It
never delays the stage: if the server does not answer, the artifact is not updated.
"""

import contextvars
import functools
import json
import logging
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from lradapt.config.project_name import own
from lradapt.runtime import progress
from lradapt.runtime.progress_file import EVERY_SECONDS, VARIABLE
from tasks.ui.terminal_bar import TerminalBar, terminal_bar

log = logging.getLogger("lradapt.runtime.progress")

_JOIN_SECONDS = 2.0
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress that a stage has reported so far.

    Attributes:
        loop: the last line of a loop since the end of the last epoch; None if there is none.
        first: the first epoch that ended in this process; None before that.
        last: the last epoch that ended.
    """

    loop: Entry | None = None
    first: Entry | None = None
    last: Entry | None = None

    def add(self, entry: Entry) -> "Progress":
        """Return the progress after one more line."""
        if "epoch" in entry:
            return Progress(None, self.first or entry, entry)
        return Progress(entry, self.first, self.last)


def percent(reported: Progress) -> float:
    """Return the share of the stage, or of a loop without epochs, that is done: 0 to 100."""
    if reported.last and reported.last["num_epochs"]:
        share = (reported.last["epoch"] + _current_epoch(reported)) / reported.last["num_epochs"]
        return float(100 * min(share, 1))
    return 100 * _share(reported.loop) if reported.loop else 0.0


def text(reported: Progress) -> str:
    """Return epoch, time left and loop in Markdown, a paragraph each."""
    lines = []
    if reported.last:
        lines.append(_epoch_text(reported.last))
    if reported.last and reported.last["num_epochs"]:
        lines.append(f"about {progress.format_seconds(seconds_left(reported))} left")
    if reported.loop:
        numbers = (reported.loop[name] for name in ("done", "total", "unit", "seconds"))
        lines.append(f"{reported.loop['what']}: {progress.describe(*numbers)}")
    return "\n\n".join(lines)


def seconds_left(reported: Progress) -> float:
    """Return the longest time left, estimated from the epochs that ended in this process."""
    assert reported.first
    assert reported.last
    ended = reported.last["epoch"] - reported.first["epoch"]
    lasted = reported.last["seconds"] - reported.first["seconds"]
    each = lasted / ended if ended else reported.last["seconds"]
    left = reported.last["num_epochs"] - reported.last["epoch"] - _current_epoch(reported)
    return float(max(left, 0) * each)


def _share(loop: Entry) -> float:
    return float(loop["done"] / loop["total"])


def _current_epoch(reported: Progress) -> float:
    """Return the share of the current epoch that is done, in [0, 1]."""
    assert reported.last
    following = f"epoch {reported.last['epoch'] + 1}"
    return _share(reported.loop) if reported.loop and reported.loop["what"] == following else 0.0


def _epoch_text(epoch: Entry) -> str:
    of = f" of at most {epoch['num_epochs']}" if epoch["num_epochs"] else ""
    validation = (
        f", accuracy on the validation split {epoch['accuracy']:.1%}" if epoch["accuracy"] else ""
    )
    rates = ", ".join(f"{rate:.3g}" for rate in epoch["rates"])
    loss = f"loss {epoch['loss']:.3f}"
    return f"epoch {epoch['epoch']}{of}: {loss}{validation}, learning rates up to {rates}"


@contextmanager
def followed() -> Iterator[dict[str, str]]:
    """Show the progress of a stage started in the block with the variables that this yields.

    In the UI, and as a bar if stderr is a terminal.

    Only within a Prefect task.
    """
    stop, finished = threading.Event(), threading.Event()
    with tempfile.NamedTemporaryFile(prefix="lradapt-progress-") as file, terminal_bar() as bar:
        run_in_this_task = contextvars.copy_context().run
        arguments = (_follow, Path(file.name), stop, finished, bar)
        thread = threading.Thread(target=run_in_this_task, args=arguments, daemon=True)
        thread.start()
        try:
            yield {VARIABLE: file.name}
            finished.set()
        finally:
            stop.set()
            thread.join(_JOIN_SECONDS)


def _follow(
    path: Path, stop: threading.Event, finished: threading.Event, bar: TerminalBar | None
) -> None:
    reported, artifact = Progress(), None
    with path.open(encoding="utf-8") as file:
        while not stop.wait(EVERY_SECONDS):
            if lines := file.read().splitlines():
                reported = _add_lines(reported, lines)
                if bar:
                    bar.draw(percent(reported), text(reported))
                artifact = _show(percent(reported), text(reported), artifact)
        reported = _add_lines(reported, file.read().splitlines())
    if artifact and finished.is_set():
        _show(100.0, text(reported), artifact)


def _add_lines(reported: Progress, lines: Iterable[str]) -> Progress:
    return functools.reduce(Progress.add, map(json.loads, lines), reported)


def _show(share: float, description: str, artifact: UUID | None) -> UUID | None:
    """Update the artifact, or create it; return None if there is none yet."""
    try:
        if artifact is None:
            new = create_progress_artifact(share, key=own("progress"), description=description)
            assert isinstance(new, UUID)  # not a coroutine: this thread has no event loop
            return new
        update_progress_artifact(artifact, share, description=description)
    except httpx.HTTPError as error:
        log.warning("the server did not accept the progress: %r", error)
    return artifact
