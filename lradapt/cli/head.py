"""`lradapt head`: a new head trained on the cached activations, in seconds."""

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
        typer.Option(file_okay=False, help="Folder for the model and the other outputs."),
    ] = Path("build/head"),
    as_json: AsJson = False,
) -> None:
    """Train a new head on the activations of the last run, in seconds.

    Shows the effect of corrected labels before the fine-tuning. The head
    is calibrated and exported into a folder of its own; the outputs of the
    pipeline do not change, and nothing is published. Prints the path of the
    model, accuracy, learning rate or penalty, and temperature.
    """
    from lradapt.stages.quick_head import make_head

    with lock.stage():
        made = make_head(read_paths(), into)
    if as_json:
        print_json({**asdict(made), "onnx": str(made.onnx)})
    else:
        typer.echo(_summary(made))


def _summary(made: "QuickHead") -> str:
    if made.validation_accuracy is None:
        accuracy = "no validation split"
    else:
        accuracy = f"accuracy on the validation split {made.validation_accuracy:.2%}"
    if made.rate is None:
        way = f"solved exactly with penalty {made.penalty:.3g}"
    else:
        way = f"learning rate {made.rate:.3g}"
    return f"{made.onnx}: {accuracy}, {way}, temperature {made.temperature:.2f}"
