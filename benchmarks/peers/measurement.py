"""One measurement: program, work and seconds, as a line of JSON; and its stopwatch."""

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measuring import Elapsed, now


@dataclass(slots=True)
class Lap:
    """The stopwatch of one piece of work; the program that does the work starts and stops it."""

    started: Elapsed | None = None
    spent: Elapsed | None = None

    def start(self) -> None:
        """Start the stopwatch."""
        self.started = now()

    def stop(self) -> None:
        """Stop the stopwatch."""
        assert self.started is not None, "stopped before it was started"
        self.spent = now() - self.started


@dataclass(frozen=True, slots=True)
class Measurement:
    """The result of one process.

    Attributes:
        work: its name.
        program: its name.
        repeat: counted from 0; the programs of one repeat ran one after the other.
        seconds: of the wall clock.
        cpu_seconds: of all threads together.
        num_images: processed while the stopwatch ran.
        load: the machine's load average over the last minute, at the end.
    """

    work: str
    program: str
    repeat: int
    seconds: float
    cpu_seconds: float
    num_images: int
    load: float


def read_lines(path: Path) -> list[Measurement]:
    """Return all measurements of a file, in their order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [Measurement(**json.loads(line)) for line in lines]
