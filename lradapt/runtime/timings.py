"""Seconds of each stage, in a file that is no stage's output: clocks would make runs differ."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lradapt.runtime.files import read_json, write_json

Timings = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of the wall clock and of the processor."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def since(self, start: "Spent") -> "Spent":
        """Return the time between `start` and this reading of `clocks`."""
        return Spent(self.seconds - start.seconds, self.cpu_seconds - start.cpu_seconds)


NO_TIME = Spent(0.0, 0.0)


def clocks() -> Spent:
    """Read both clocks; only differences between readings mean something."""
    return Spent(time.perf_counter(), time.process_time())


def read_timings(path: Path) -> Timings:
    """Read stage -> {"seconds", "cpu_seconds"} of its last run on this machine, if any."""
    return read_json(path) if path.exists() else {}


class Stopwatch:
    """The time of a stage.

    Attributes:
        earlier: the time that earlier processes have spent on it, where it was resumed.
    """

    def __init__(self) -> None:
        self._start, self.earlier = clocks(), NO_TIME

    @property
    def spent(self) -> Spent:
        """The time up to now, of all processes."""
        return self.earlier + clocks().since(self._start)


@contextmanager
def timed(stage: str, path: Path | None) -> Iterator[Stopwatch]:
    """Write the seconds of a block that ends without an error to the file at `path`, if given."""
    stopwatch = Stopwatch()
    yield stopwatch
    spent = stopwatch.spent
    seconds = {name: round(value, 2) for name, value in asdict(spent).items()}
    if path:
        write_json(path, {**read_timings(path), stage: seconds})
