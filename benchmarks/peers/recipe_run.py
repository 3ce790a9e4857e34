"""One run of the recipe by one program, in a process of its own."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.arms import judged_by_test, run_arm, sum_of
from benchmarks.program import run
from benchmarks.settings import SchemeSettings
from lradapt.compute.engine import start_engine
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.validation import validate
from lradapt.data.labelled_image import class_names
from lradapt.data.split_table import read_split
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_classifier, num_features
from lradapt.runtime.files import read_json, write_json
from lradapt.stages.inputs import split_examples
from lradapt.training.head import new_head


def run_ours(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The stages of the product."""
    return run_arm(
        SchemeSettings(preset=None, changes={}),
        values,
        pixels=folder / "pixels.npy",
        table=folder / "images.csv",
        split=folder / "split.csv",
        backbone=folder / "backbone.safetensors",
    )


def run_fastai(program: str, values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """A recipe of fastai, from the same images, body and head."""
    from benchmarks.peers.fastai_recipes import RECIPES

    params = validate(Params, values, DEFAULT_PATH)
    engine = start_engine(**params.engine.model_dump())
    rows = judged_by_test(read_split(folder / "split.csv"))
    training, judging = (
        split_examples(side, params, rows, folder / "pixels.npy", engine)
        for side in ("train", "validation")
    )
    network = params.model.network
    head = new_head(num_features(network), len(class_names(rows)), seed=params.seed).state_dict()
    body = read_backbone(folder / "backbone.safetensors", network)
    model = build_classifier(network, body, head)
    clock = RECIPES[program](model, network.head, training, judging, params)
    return {
        "seconds": asdict(sum_of(clock)),
        "points": [asdict(point) for point in clock.points],
    }


def main(
    *,
    program: Annotated[str, typer.Option(help="As in benchmarks.peers.recipe.")],
    values: Annotated[Path, typer.Option(help="JSON: of params.yaml.")],
    folder: Annotated[Path, typer.Option(help="Pixels, split and backbone.")],
    into: Annotated[Path, typer.Option(help="JSON: what it took and reached.")],
) -> None:
    """Train once."""
    read = read_json(values)
    ours = program == "lradapt"
    found = run_ours(read, folder) if ours else run_fastai(program, read, folder)
    write_json(into, {"program": program, "seed": read["seed"], **found})


if __name__ == "__main__":
    run(main)
