"""`lradapt head`: what today's labels make of the cached activations, in seconds."""

from pathlib import Path
from typing import Annotated

import typer

from lradapt import lock
from lradapt.layout import read_paths


def head(
    into: Annotated[
        Path, typer.Option(help="A folder for the model and all that the stages make.")
    ] = Path("build/head"),
) -> None:
    """Train a new head on the activations of the last run, calibrate it, and export it.

    Nothing of the pipeline changes, and nothing is published: a first look at what corrected
    labels do, before all layers are trained.
    """
    from lradapt.quick_head import make_head

    with lock.stage():
        made = make_head(read_paths(), into)
    if made.tune_accuracy is None:
        accuracy = "no tune side"
    else:
        accuracy = f"accuracy on the tune side {made.tune_accuracy:.2%}"
    typer.echo(f"{made.onnx}: {accuracy}, rate {made.rate:.3g}, temperature {made.temperature:.2f}")
