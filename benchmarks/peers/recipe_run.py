"""One run of the recipe by one program, in a process of its own."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.arms import Inputs, run_arm
from benchmarks.program import run
from benchmarks.settings import SchemeSettings
from lradapt.compute.engine import start_engine
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.data.labelled_image import class_names
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_body
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


def run_ours(values: Mapping[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Run the stages of the product."""
    return run_arm(SchemeSettings(preset=None, changes={}), values, inputs)


def run_fastai(program: str, values: Mapping[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Run a recipe of fastai from the same images and backbone, with a head of one depth."""
    from benchmarks.peers.fastai_recipes import RECIPES, train, train_by_vision_learner

    params = validate(Params, changed(values, {"model": {"reads": "last"}}), DEFAULT_PATH)
    engine = start_engine(**params.engine.model_dump())
    training, validation = (
        inputs.examples(split, params, engine) for split in ("train", "validation")
    )
    if program in RECIPES:
        clock = train(program, inputs.new_classifier(params), training, validation, params)
    else:
        architecture = params.model.network
        body = build_body(architecture, read_backbone(inputs.backbone, architecture))
        num_classes = len(class_names(inputs.rows))
        clock = train_by_vision_learner(program, body, num_classes, training, validation, params)
    return {
        "seconds": asdict(clock.total()),
        "points": [asdict(point) for point in clock.points],
    }


def main(
    *,
    program: Annotated[str, typer.Option(help="As in benchmarks.peers.recipe.")],
    values: Annotated[Path, typer.Option(help="JSON: of params.yaml.")],
    folder: Annotated[Path, typer.Option(help="Pixels, split and backbone.")],
    into: Annotated[Path, typer.Option(help="JSON: seconds and scores.")],
) -> None:
    """Train once."""
    read, inputs = read_json(values), inputs_in(folder)
    ours = program == "lradapt"
    found = run_ours(read, inputs) if ours else run_fastai(program, read, inputs)
    write_json(into, {"program": program, "seed": read["seed"], **found})


if __name__ == "__main__":
    run(main)
