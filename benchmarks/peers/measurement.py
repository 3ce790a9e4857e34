"""One measurement: who did what in how many seconds, as a line of JSON; and the clock of it."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.clock import Clock, Moment


@dataclass(slots=True)
class Lap:
    """The clock of one piece of work; whoever does the work starts and stops it."""

    clock: Clock
    began: Moment | None = None
    spent: Moment | None = None

    def start(self) -> None:
        """From here it counts."""
        self.began = self.clock.elapsed()

    def stop(self) -> None:
        """Up to here it counted."""
        assert self.began is not None, "stopped before it was started"
        self.spent = self.clock.elapsed() - self.began


@dataclass(frozen=True, slots=True)
class Measurement:
    """What one process has measured.

    Attributes:
        work: its name.
        program: its name.
        repeat: counted from 0; the programs of one repeat ran one after the other.
        seconds: of the wall clock.
        cpu_seconds: of all threads together.
        num_images: that went in while the clock ran.
        load: the machine's load average over the last minute, afterwards.
    """

    work: str
    program: str
    repeat: int
    seconds: float
    cpu_seconds: float
    num_images: int
    load: float

    def line(self) -> str:
        """As JSON on one line."""
        return json.dumps(asdict(self), ensure_ascii=False)


def measured(lap: Lap, *, work: str, program: str, repeat: int, num_images: int) -> Measurement:
    """What a lap that is over has shown."""
    assert lap.spent is not None, f"{program} did not stop the clock of: {work}"
    spent, load = lap.spent, os.getloadavg()[0]
    return Measurement(work, program, repeat, spent.seconds, spent.cpu_seconds, num_images, load)


def read_line(line: str) -> Measurement:
    """The measurement that a line says."""
    return Measurement(**json.loads(line))


def read_lines(path: Path) -> list[Measurement]:
    """All measurements of a file, in their order."""
    return [read_line(line) for line in path.read_text(encoding="utf-8").splitlines()]
