"""The bench: every program does the same work, a process for each measurement, one table.

    python -m benchmarks.peers            # make bench
    python -m benchmarks.peers --quick    # in little, to see that it runs

The lines of all measurements go into a file, and the table into a page of the documentation.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.peers.inputs import make_inputs
from benchmarks.peers.measurement import Measurement, read_line, read_lines
from benchmarks.peers.programs import left_out, programs_of
from benchmarks.peers.rounds import rounds
from benchmarks.peers.table import about, between_markers, table
from benchmarks.peers.work import QUICK, WORKS, Work
from benchmarks.program import run
from lradapt.errors import LradaptError
from lradapt.runtime.files import write_text


def main(
    *,
    quick: Annotated[bool, typer.Option(help="Little work, once.")] = False,
    repeats: Annotated[int, typer.Option(help="Of each work, where there is time.")] = 5,
    minutes: Annotated[float, typer.Option(help="Nothing is repeated that goes beyond.")] = 19.0,
    threads: Annotated[int, typer.Option(help="Of every program.")] = 1,
    folder: Annotated[Path, typer.Option(help="Inputs and lines.")] = Path(
        "benchmarks/results/peers"
    ),
    page: Annotated[Path, typer.Option(help="Its table is replaced.")] = Path("docs/benchmarks.md"),
    redraw: Annotated[bool, typer.Option(help="The table of the lines that are there.")] = False,
) -> None:
    """Measure, and put the table into the page."""
    works, lines = (QUICK if quick else WORKS), folder / "lines.jsonl"
    text = page.read_text(encoding="utf-8")
    between_markers(text, "")  # a page without markers shows before the work, not after it
    failures: list[str] = []
    if not redraw:
        make_inputs(works, folder)
        lines.write_text("", encoding="utf-8")
        for work, program, repeat in _turns(works, repeats, minutes * 60):
            try:
                found = measure_apart(work, program, repeat, folder, threads=threads)
            except LradaptError as error:  # the others' seconds are not to be lost by it
                failures.append(str(error))
                continue
            with lines.open("a", encoding="utf-8") as file:
                file.write(found.line() + "\n")
            typer.echo(f"{found.work}: {found.program}: {found.cpu_seconds:.2f} CPU s")
    measurements = read_lines(lines)
    told = about(measurements, threads=threads, left_out=left_out())
    write_text(page, between_markers(text, f"{told}\n\n{table(measurements)}"))
    if failures:
        raise LradaptError(f"{len(failures)} measurement(s) failed:\n" + "\n".join(failures))


def _turns(
    works: Sequence[Work], repeats: int, budget_seconds: float
) -> Iterator[tuple[Work, str, int]]:
    began = time.monotonic()
    return rounds(
        works,
        programs_of,
        repeats=repeats,
        budget_seconds=budget_seconds,
        elapsed_seconds=lambda: time.monotonic() - began,
    )


def measure_apart(
    work: Work, program: str, repeat: int, folder: Path, *, threads: int
) -> Measurement:
    """One measurement in a process of its own.

    Raises:
        LradaptError: the process failed; with the end of what it said.
    """
    command = [sys.executable, "-m", "benchmarks.peers.one", "--work", work.name]
    command += ["--program", program, "--inputs", str(folder)]
    command += ["--repeat", str(repeat), "--threads", str(threads)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=False)
    if done.returncode:
        raise LradaptError(f"{program}, {work.name}, failed:\n{done.stderr[-3000:]}")
    return read_line(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    run(main)
