"""One measurement in a process of its own, printed as a line of JSON.

python -m benchmarks.peers.one --work "head phase, ..." --program fastai --inputs FOLDER
"""

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.peers.inputs import read_given
from benchmarks.peers.measurement import Lap, Measurement
from benchmarks.peers.programs import function_of
from benchmarks.peers.work import QUICK, WORKS, Work
from benchmarks.program import run
from lradapt.compute.engine import start_engine


def measure(work: Work, program: str, repeat: int, inputs: Path, *, threads: int) -> Measurement:
    """Let a program do the work, and check that it has done all of it."""
    engine = start_engine(device="cpu", precision=work.precision, threads=threads)
    lap = Lap()
    done = function_of(work, program)(read_given(work, inputs, engine), lap)
    assert done == work.to_do, f"{program} did {done} of {work.to_do}: {work.name}"
    assert lap.spent is not None, f"{program} did not stop the clock of: {work.name}"
    return Measurement(
        work=work.name,
        program=program,
        repeat=repeat,
        num_images=work.counted_images,
        load=os.getloadavg()[0],
        **asdict(lap.spent),
    )


def main(
    *,
    work: Annotated[str, typer.Option(help="Name of the work.")],
    program: Annotated[str, typer.Option(help="Name of the program.")],
    inputs: Annotated[Path, typer.Option(help="A folder of `make_inputs`.")],
    repeat: Annotated[int, typer.Option(help="Number of the repeat, for the line.")] = 0,
    threads: Annotated[int, typer.Option(help="Of torch and ONNX Runtime.")] = 1,
) -> None:
    """Measure once."""
    known = {each.name: each for each in (*QUICK, *WORKS)}
    found = measure(known[work], program, repeat, inputs, threads=threads)
    typer.echo(json.dumps(asdict(found)))


if __name__ == "__main__":
    run(main)
