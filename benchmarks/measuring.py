"""Measuring: seconds of the wall clock and of the CPU, medians with ranges, tables of Markdown."""

import os
import platform
import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeVar

from lradapt.errors import LradaptError

NEVER = "never"
Measured = TypeVar("Measured")


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Seconds of the wall clock, and of the CPU over all threads."""

    seconds: float
    cpu_seconds: float

    def __sub__(self, earlier: "Elapsed") -> "Elapsed":
        return Elapsed(self.seconds - earlier.seconds, self.cpu_seconds - earlier.cpu_seconds)

    def __add__(self, other: "Elapsed") -> "Elapsed":
        return Elapsed(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


def now() -> Elapsed:
    """Return the clocks of this process; only differences of two have a meaning."""
    return Elapsed(time.perf_counter(), time.process_time())


def now_of_children() -> Elapsed:
    """Return the wall clock, and the CPU seconds of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Elapsed(time.perf_counter(), used.ru_utime + used.ru_stime)


def timed(work: Callable[[], object], clock: Callable[[], Elapsed] = now) -> Elapsed:
    """Return the seconds that `work` takes."""
    start = clock()
    work()
    return clock() - start


def interleaved(
    measures: Mapping[str, Callable[[], Measured]], repeats: int
) -> dict[str, list[Measured]]:
    """Call each measure once in each repeat, one after the other; return the results by name."""
    found: dict[str, list[Measured]] = {name: [] for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            found[name].append(measure())
    return found


def median_range(values: Iterable[float | None], form: str) -> str:
    """Return "median (minimum to maximum)" with the number of missing values, if there are any.

    Args:
        values: one of each repeat or seed; None where a target was never reached.
        form: format of a number, such as ".2f".
    """
    every = list(values)
    known = [value for value in every if value is not None]
    if not known:
        return NEVER
    text = format(median(known), form)
    if len(known) > 1:
        text += f" ({format(min(known), form)} to {format(max(known), form)})"
    missing = len(every) - len(known)
    return text + (f"; {NEVER} with {missing} of {len(every)} seeds" if missing else "")


def processor() -> str:
    """Return the name of the processor, or its architecture where Linux does not tell the name."""
    found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    return found[1] if found else platform.machine()


def summary(name: str, elapsed: Sequence[Elapsed]) -> str:
    """Return a line with the seconds of several repeats and the present load of the machine."""
    wall = median_range((each.seconds for each in elapsed), ".2f")
    cpu = median_range((each.cpu_seconds for each in elapsed), ".2f")
    load = os.getloadavg()[0]
    return f"{name}: {wall} s, CPU {cpu} s; {len(elapsed)} repeats, load {load:.1f}"


def table_row(cells: Sequence[str]) -> str:
    """Return a line of a table of Markdown."""
    return f"| {' | '.join(cells)} |"


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown; the first row holds the titles."""
    header, *body = rows
    return "\n".join(table_row(row) for row in (header, ["---"] * len(header), *body))


def run_module(module: str, *words: str, threads: int) -> str:
    """Run `python -m module` in a process of its own; return its output.

    Raises:
        LradaptError: the process failed; the message has the end of its error output.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise LradaptError(f"{module} {' '.join(words)} failed:\n{done.stderr[-3000:]}")
    return done.stdout
