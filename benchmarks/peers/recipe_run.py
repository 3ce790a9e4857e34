"""One run of the recipe by one program, in a process of its own."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.arms import run_arm
from benchmarks.inputs import Inputs
from benchmarks.peers.programs import OURS
from benchmarks.program import run
from benchmarks.settings import FastaiSettings, SchemeSettings
from lradapt.runtime.files import read_json, write_json


def inputs_in(folder: Path) -> Inputs:
    """Return the paths of pixels, split and backbone in a folder.

    The test images score every epoch of every program: what is compared are the whole curves.
    """
    return Inputs(
        folder / "pixels.npy",
        folder / "images.csv",
        folder / "split.csv",
        folder / "backbone.safetensors",
        chosen_by="test",
    )


def main(
    *,
    program: Annotated[str, typer.Option(help="As in benchmarks.peers.recipe.")],
    values: Annotated[Path, typer.Option(help="JSON: of params.yaml.")],
    folder: Annotated[Path, typer.Option(help="Pixels, split and backbone.")],
    into: Annotated[Path, typer.Option(help="JSON: seconds and scores.")],
) -> None:
    """Train once."""
    read, inputs = read_json(values), inputs_in(folder)
    ours = SchemeSettings(preset=None, changes={})
    settings = ours if program == OURS else FastaiSettings(program=program)
    found = run_arm(settings, read, inputs)
    write_json(into, {"program": program, "seed": read["seed"], **found})


if __name__ == "__main__":
    run(main)
