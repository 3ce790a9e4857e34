"""One measurement in a process of its own; its line of JSON goes to standard output.

python -m benchmarks.peers.one --work "head phase, ..." --program fastai --inputs FOLDER
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.clock import Clock
from benchmarks.peers.inputs import read_given
from benchmarks.peers.measurement import Lap, Measurement, measured
from benchmarks.peers.programs import doing
from benchmarks.peers.work import QUICK, WORKS, Work
from benchmarks.program import run
from lradapt.compute.engine import start_engine


def measure(work: Work, program: str, repeat: int, inputs: Path, *, threads: int) -> Measurement:
    """Let a program do the work, and check that it has done all of it."""
    engine = start_engine(device="cpu", precision=work.precision, threads=threads)
    given, lap = read_given(work, inputs, engine), Lap(Clock())
    done = doing(work, program)(given, lap)
    assert done == work.to_do, f"{program} did {done} of {work.to_do}: {work.name}"
    images = work.counted_images
    return measured(lap, work=work.name, program=program, repeat=repeat, num_images=images)


def main(
    *,
    work: Annotated[str, typer.Option(help="Name of the work.")],
    program: Annotated[str, typer.Option(help="Who does it.")],
    inputs: Annotated[Path, typer.Option(help="A folder of `make_inputs`.")],
    repeat: Annotated[int, typer.Option(help="Its number, for the line.")] = 0,
    threads: Annotated[int, typer.Option(help="Of torch and ONNX Runtime.")] = 1,
) -> None:
    """Measure once."""
    known = {each.name: each for each in (*QUICK, *WORKS)}
    sys.stdout.write(measure(known[work], program, repeat, inputs, threads=threads).line() + "\n")


if __name__ == "__main__":
    run(main)
