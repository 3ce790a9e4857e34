"""Seconds of each stage, apart from the stages' outputs: a clock would make equal runs differ."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lradapt.files import read_json, write_json

Timings = dict[str, dict[str, float]]


def read_timings(path: Path) -> Timings:
    """Stage -> {"seconds", "cpu_seconds"} of its last run on this machine; empty before any."""
    return read_json(path) if path.exists() else {}


@contextmanager
def timed(stage: str, path: Path | None) -> Iterator[None]:
    """Note the seconds of a block that ends without an error in the file at `path`, if given."""
    start, cpu_start = time.perf_counter(), time.process_time()
    yield
    seconds = {
        "seconds": round(time.perf_counter() - start, 2),
        "cpu_seconds": round(time.process_time() - cpu_start, 2),
    }
    if path:
        write_json(path, {**read_timings(path), stage: seconds})
