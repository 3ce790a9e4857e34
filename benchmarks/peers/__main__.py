"""The bench: every program does the same work, a process for each measurement, one table.

    python -m benchmarks.peers            # make bench
    python -m benchmarks.peers --quick    # small works, to test the programs

The lines of all measurements go into a file, and the table into a page of the documentation.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.markers import between_markers
from benchmarks.measuring import run_module
from benchmarks.peers.inputs import make_inputs
from benchmarks.peers.measurement import Measurement, read_lines
from benchmarks.peers.programs import left_out, programs_of
from benchmarks.peers.table import machine_text, table
from benchmarks.peers.work import QUICK, WORKS, Work
from benchmarks.program import run
from lradapt.cli.number_options import MAX_SECONDS, number_option
from lradapt.errors import LradaptError
from lradapt.runtime.files import write_text

MARKER = "bench"
"""The name of the table's place in the page."""


def main(
    *,
    quick: Annotated[bool, typer.Option(help="Small works.")] = False,
    repeats: Annotated[int, typer.Option(help="Of each work, where there is time.")] = 5,
    minutes: Annotated[
        float, number_option(least=0, most=MAX_SECONDS / 60, help="No work is repeated beyond.")
    ] = 19.0,
    threads: Annotated[int, typer.Option(help="Of every program.")] = 1,
    folder: Annotated[Path, typer.Option(help="Inputs and lines.")] = Path(
        "benchmarks/results/peers"
    ),
    page: Annotated[Path, typer.Option(help="Its table is replaced.")] = Path("docs/benchmarks.md"),
) -> None:
    """Measure, and put the table into the page."""
    works, lines = (QUICK if quick else WORKS), folder / "lines.jsonl"
    text = page.read_text(encoding="utf-8")
    between_markers(text, "", MARKER)  # fails before the work if the page has no markers
    make_inputs(works, folder)
    lines.write_text("", encoding="utf-8")
    failures: list[str] = []
    for work, program, repeat in rounds(works, repeats=repeats, budget_seconds=minutes * 60):
        try:
            line = measure_in_process(work, program, repeat, folder, threads=threads)
        except LradaptError as error:  # the other programs go on
            failures.append(str(error))
            continue
        with lines.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")
        found = Measurement(**json.loads(line))
        typer.echo(f"{found.work}: {found.program}: {found.cpu_seconds:.2f} CPU s")
    measurements = read_lines(lines)
    about = machine_text(measurements, threads=threads, left_out=left_out())
    write_text(page, between_markers(text, f"{about}\n\n{table(measurements)}", MARKER))
    if failures:
        raise LradaptError(f"{len(failures)} measurement(s) failed:\n" + "\n".join(failures))


def rounds(
    works: Sequence[Work],
    *,
    repeats: int,
    budget_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[Work, str, int]]:
    """Yield (work, program, repeat): all work once, then again as long as there is time for it.

    A work is repeated only where its first round would still fit, so an expensive one has fewer
    repeats than a cheap one; never fewer than one.

    Args:
        works: in the order in which they are to be done.
        repeats: the most of each.
        budget_seconds: for everything.
        clock: seconds.
    """
    began = clock()
    cost: dict[Work, float] = {}
    for repeat in range(repeats):
        for work in works:
            start = clock()
            if repeat and start - began + cost[work] > budget_seconds:
                continue
            for program in programs_of(work):
                yield work, program, repeat
            cost.setdefault(work, clock() - start)


def measure_in_process(work: Work, program: str, repeat: int, folder: Path, *, threads: int) -> str:
    """Measure once in a process of its own; return its line.

    Raises:
        LradaptError: the process failed.
    """
    words = ["--work", work.name, "--program", program, "--inputs", str(folder)]
    words += ["--repeat", str(repeat), "--threads", str(threads)]
    return run_module("benchmarks.peers.one", *words, threads=threads).splitlines()[-1]


if __name__ == "__main__":
    run(main)
