"""Seconds of each stage, apart from the stages' outputs: a clock would make equal runs differ."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lradapt.runtime.files import read_json, write_json

Timings = dict[str, dict[str, float]]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock on the wall, and of the processor."""

    seconds: float
    cpu_seconds: float

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)

    def since(self, start: "Spent") -> "Spent":
        """What lies between `start` and this reading of `clocks`."""
        return Spent(self.seconds - start.seconds, self.cpu_seconds - start.cpu_seconds)


NO_TIME = Spent(0.0, 0.0)
_before = NO_TIME  # what former processes have spent on the stage that is being timed


def clocks() -> Spent:
    """Both clocks as they stand; only differences mean something."""
    return Spent(time.perf_counter(), time.process_time())


def count_former(spent: Spent) -> None:
    """Count to the stage that is being timed what its former processes have spent on it."""
    global _before
    _before = spent


def read_timings(path: Path) -> Timings:
    """Stage -> {"seconds", "cpu_seconds"} of its last run on this machine; empty before any."""
    return read_json(path) if path.exists() else {}


@contextmanager
def timed(stage: str, path: Path | None) -> Iterator[None]:
    """Note the seconds of a block that ends without an error in the file at `path`, if given."""
    count_former(NO_TIME)
    start = clocks()
    yield
    spent = _before + clocks().since(start)
    seconds = {name: round(value, 2) for name, value in asdict(spent).items()}
    if path:
        write_json(path, {**read_timings(path), stage: seconds})
