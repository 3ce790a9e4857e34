"""`lradapt head`: what today's labels make of the cached activations, in seconds."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lradapt.cli.options import AsJson
from lradapt.cli.output import print_json
from lradapt.config.paths import read_paths
from lradapt.runtime import lock

if TYPE_CHECKING:
    from lradapt.stages.quick_head import QuickHead


def head(
    into: Annotated[
        Path,
        typer.Option(file_okay=False, help="A folder for the model and all that the stages make."),
    ] = Path("build/head"),
    as_json: AsJson = False,
) -> None:
    """Train a new head on the activations of the last run, in seconds.

    It is calibrated and exported into a folder of its own: a first look at what
    corrected labels do, before all layers are trained. Nothing of the pipeline
    changes, and nothing is published. Prints the model's file, and accuracy,
    rate and temperature.
    """
    from lradapt.stages.quick_head import make_head

    with lock.stage():
        made = make_head(read_paths(), into)
    if as_json:
        print_json({**asdict(made), "onnx": str(made.onnx)})
    else:
        typer.echo(_told(made))


def _told(made: "QuickHead") -> str:
    if made.validation_accuracy is None:
        accuracy = "no validation split"
    else:
        accuracy = f"accuracy on the validation split {made.validation_accuracy:.2%}"
    return f"{made.onnx}: {accuracy}, rate {made.rate:.3g}, temperature {made.temperature:.2f}"
