"""Wall and CPU seconds since a start, phase by phase and epoch by epoch."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.measuring import Elapsed, now
from lradapt.runtime.progress_file import VARIABLE


@dataclass(frozen=True, slots=True)
class Point:
    """The end of an epoch, after its validation; or of a solved head, as epoch 0."""

    phase: str
    epoch: int
    at: Elapsed
    accuracy: float
    balanced_accuracy: float
    loss: float


@dataclass(slots=True)
class Clock:
    """The seconds of a run so far.

    Attributes:
        phases: name -> seconds; of a phase entered several times the sum.
        points: the ends of its epochs, in order.
    """

    start: Elapsed = field(default_factory=now)
    phases: dict[str, Elapsed] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Run a block whose seconds count to `name`, and whose validated epochs become points."""
        before = self.elapsed()
        with _progress_file() as path:
            known = path.stat().st_size
            yield
            spent = self.elapsed() - before
            with path.open(encoding="utf-8") as file:
                file.seek(known)
                lines = [json.loads(line) for line in file]
        self.phases[name] = self.phases.get(name, Elapsed(0, 0)) + spent
        ends = (line for line in lines if line.get("accuracy") is not None)
        self.points += [_point(name, before, line) for line in ends]

    def total(self) -> Elapsed:
        """Return the seconds of all phases together."""
        return sum(self.phases.values(), Elapsed(0, 0))

    def elapsed(self) -> Elapsed:
        """Return the seconds since the start."""
        return now() - self.start


def _point(phase: str, start: Elapsed, line: dict[str, Any]) -> Point:
    """Return the epoch of a line of the progress file, whose clocks began with the phase."""
    at = start + Elapsed(line["seconds"], line["cpu_seconds"])
    scores = (line[name] for name in ("accuracy", "balanced_accuracy", "validation_loss"))
    return Point(phase, line["epoch"], at, *scores)


@contextmanager
def _progress_file() -> Iterator[Path]:
    """Yield the progress file of this process, a temporary one unless the caller follows it."""
    if VARIABLE in os.environ:
        yield Path(os.environ[VARIABLE])
        return
    with (
        tempfile.NamedTemporaryFile(prefix="lradapt-progress-") as file,
        patch.dict(os.environ, {VARIABLE: file.name}),
    ):
        yield Path(file.name)
