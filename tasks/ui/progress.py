"""A stage's progress in Prefect's UI: one artifact, kept up to date as long as the stage runs.

The stage writes lines into a file (`lradapt.runtime.progress_file`), a thread here reads them. It
never holds up the stage: where the server does not answer, the artifact stays as it was.
"""

import contextvars
import functools
import json
import logging
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from prefect.artifacts import create_progress_artifact, update_progress_artifact

from lradapt.runtime import progress
from lradapt.runtime.progress_file import EVERY_SECONDS, VARIABLE

log = logging.getLogger("lradapt.runtime.progress")

_LEAVE_SECONDS = 2.0
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Heard:
    """What a stage has told so far.

    Attributes:
        loop: the last line of a loop that is younger than the last epoch's end; None: no such line.
        first: the first epoch that ended in this process; None before.
        last: the last one.
    """

    loop: Entry | None = None
    first: Entry | None = None
    last: Entry | None = None

    def add(self, entry: Entry) -> "Heard":
        """With one more line."""
        if "epoch" in entry:
            return Heard(None, self.first or entry, entry)
        return Heard(entry, self.first, self.last)


def percent(heard: Heard) -> float:
    """How much of the stage, or where it has no epochs of its loop, is done: 0 to 100."""
    if heard.last and heard.last["num_epochs"]:
        share = (heard.last["epoch"] + _begun(heard)) / heard.last["num_epochs"]
        return float(100 * min(share, 1))
    return 100 * _share(heard.loop) if heard.loop else 0.0


def text(heard: Heard) -> str:
    """Epoch, rates, accuracy, and how long it will take: a line each, in Markdown."""
    lines = []
    if heard.last:
        lines.append(_told_epoch(heard.last))
    if heard.last and heard.last["num_epochs"]:
        lines.append(f"about {progress.format_seconds(seconds_left(heard))} left")
    if heard.loop:
        numbers = (heard.loop[name] for name in ("done", "total", "unit", "seconds"))
        lines.append(f"{heard.loop['what']}: {progress.describe(*numbers)}")
    return "\n\n".join(lines)


def seconds_left(heard: Heard) -> float:
    """Of the epochs still to come, at most; by those that have ended in this process."""
    assert heard.first
    assert heard.last
    ended = heard.last["epoch"] - heard.first["epoch"]
    lasted = heard.last["seconds"] - heard.first["seconds"]
    each = lasted / ended if ended else heard.last["seconds"]
    left = heard.last["num_epochs"] - heard.last["epoch"] - _begun(heard)
    return float(max(left, 0) * each)


def _share(loop: Entry) -> float:
    return float(loop["done"] / loop["total"])


def _begun(heard: Heard) -> float:
    """How much of the epoch after the last one is done."""
    assert heard.last
    following = f"epoch {heard.last['epoch'] + 1}"
    return _share(heard.loop) if heard.loop and heard.loop["what"] == following else 0.0


def _told_epoch(epoch: Entry) -> str:
    of = f" of at most {epoch['num_epochs']}" if epoch["num_epochs"] else ""
    validation = (
        f", accuracy on the validation split {epoch['accuracy']:.1%}" if epoch["accuracy"] else ""
    )
    rates = ", ".join(f"{rate:.3g}" for rate in epoch["rates"])
    return f"epoch {epoch['epoch']}{of}: loss {epoch['loss']:.3f}{validation}, rates up to {rates}"


@contextmanager
def followed() -> Iterator[dict[str, str]]:
    """A block in which a stage runs with the variables that it yields; in a task alone."""
    left, finished = threading.Event(), threading.Event()
    with tempfile.NamedTemporaryFile(prefix="lradapt-progress-") as file:
        in_this_task = contextvars.copy_context().run
        words = (_follow, Path(file.name), left, finished)
        thread = threading.Thread(target=in_this_task, args=words, daemon=True)
        thread.start()
        try:
            yield {VARIABLE: file.name}
            finished.set()
        finally:
            left.set()
            thread.join(_LEAVE_SECONDS)


def _follow(path: Path, left: threading.Event, finished: threading.Event) -> None:
    heard, artifact = Heard(), None
    with path.open(encoding="utf-8") as file:
        while not left.wait(EVERY_SECONDS):
            if lines := file.read().splitlines():
                heard = functools.reduce(Heard.add, map(json.loads, lines), heard)
                artifact = _show(percent(heard), text(heard), artifact)
        heard = functools.reduce(Heard.add, map(json.loads, file.read().splitlines()), heard)
    if artifact and finished.is_set():
        _show(100.0, text(heard), artifact)


def _show(share: float, words: str, artifact: UUID | None) -> UUID | None:
    """Bring the artifact up to date, the first time by making it; None: there is none yet."""
    try:
        if artifact is None:
            new = create_progress_artifact(share, key="progress", description=words)
            assert isinstance(new, UUID)  # and no coroutine: this thread has no event loop
            return new
        update_progress_artifact(artifact, share, description=words)
    except httpx.HTTPError as error:
        log.warning("the server does not take the progress: %r", error)
    return artifact
