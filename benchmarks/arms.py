"""One arm of the comparison: trains once, by the clock, and writes what it took and reached.

    python -m benchmarks.arms --arm paper --architecture resnet18 --seed 0 ... --into RUN.json

The scheme's arms are the product itself: the stages of `dvc.yaml`, called one after the other in a
folder of their own. The side that stops, chooses and counts is validation for every arm, as in the
paper; that flatters all of them alike. The clock includes range tests, caching and validation.
"""

import contextlib
import json
import logging
import os
import platform
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
import yaml
from safetensors.torch import load_file
from torch import nn

from benchmarks.clock import Clock
from benchmarks.conventional import train_at
from benchmarks.program import run
from benchmarks.settings import ConventionalSettings, SchemeSettings, load_benchmark
from lradapt.compute.engine import Engine, start_engine
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.paths import Paths, read_paths
from lradapt.config.presets import changed
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.data.labelled_image import LabelledImage, class_names, in_split
from lradapt.data.split_table import read_split, write_split
from lradapt.evaluation.metrics import compute_metrics, confusion
from lradapt.networks.architectures import Architecture
from lradapt.networks.backbone import read_backbone, read_origin
from lradapt.networks.champion import ensure_file
from lradapt.networks.classifier import build_classifier, load_classifier, num_features
from lradapt.runtime.files import read_json, write_json
from lradapt.stages import (
    Dep,
    Out,
    activations,
    find_body_lr,
    find_lr,
    finetune,
    train_head,
)
from lradapt.stages.epochs import epoch_reporter
from lradapt.stages.inputs import split_examples
from lradapt.training.head import new_head
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.scoring import predict_logits

PHASE_OF_STAGE = {
    activations: "head",
    find_lr: "rate search",
    train_head: "head",
    find_body_lr: "rate search",
    finetune: "fine-tuning",
}
"""The scheme's stages in their order, and the column of the paper's table 2 that each counts to."""

Result = dict[str, Any]


def run_arm(
    settings: ConventionalSettings | SchemeSettings,
    values: Mapping[str, Any],
    *,
    pixels: Path,
    table: Path,
    split: Path,
    backbone: Path,
) -> Result:
    """Train by one arm, and what it took and reached.

    Args:
        settings: of the arm.
        values: of params.yaml, with the architecture and the seed of this run.
        pixels: `pixels.npy`.
        table: `images.csv`.
        split: `split.csv`; its test split judges.
        backbone: where both arms start from.
    """
    rows = judged_by_test(read_split(split))
    data = _Data(rows, pixels, table, backbone)
    scheme = settings if isinstance(settings, SchemeSettings) else None
    applied = scheme.applied_to(dict(values)) if scheme else values
    params = validate(Params, applied, DEFAULT_PATH)
    engine = start_engine(**params.engine.model_dump())
    if not isinstance(settings, ConventionalSettings):
        model, clock, seen = _run_scheme(params, data, engine)
    else:
        model, clock, seen = _run_conventional(settings, params, data, engine)
    return {
        "seconds": asdict(sum_of(clock)),
        "phases": {name: asdict(spent) for name, spent in clock.phases.items()},
        "points": [asdict(point) for point in clock.points],
        **seen,
        "final": _final(model, data, params, engine),
        "classes": class_names(rows),
        "images": {side: len(in_split(rows, side)) for side in ("train", "validation")},
        "backbone": asdict(read_origin(backbone)),
        "machine": machine(engine),
    }


def judged_by_test(rows: Sequence[LabelledImage]) -> list[LabelledImage]:
    """The rows with all but test to train on, and test on the side that chooses."""
    return [replace(row, split="validation" if row.split == "test" else "train") for row in rows]


def sum_of(clock: Clock) -> Any:
    """The seconds of all phases together."""
    first, *others = clock.phases.values()
    for spent in others:
        first = first + spent
    return first


def machine(engine: Engine) -> dict[str, Any]:
    """On what the clock ran."""
    on_gpu = engine.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else platform.processor() or "CPU",
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "precision": engine.precision,
        "torch": version("torch"),
        "torchvision": version("torchvision"),
    }


class _Data:
    """What every arm starts from."""

    def __init__(
        self, rows: list[LabelledImage], pixels: Path, table: Path, backbone: Path
    ) -> None:
        self.rows, self.names = rows, class_names(rows)
        self.pixels, self.table, self.backbone = pixels, table, backbone

    def examples(self, side: str, params: Params, engine: Engine) -> Examples:
        return split_examples(side, params, self.rows, self.pixels, engine)


def _run_conventional(
    settings: ConventionalSettings, params: Params, data: _Data, engine: Engine
) -> tuple[nn.Module, Clock, Result]:
    how = settings.model_dump(exclude={"rates"})
    clock, legs, num_epochs = Clock(), [], 0
    with clock.phase("preparation"):
        model = _new_classifier(params.model.network, data, params.seed).to(engine.device)
        training = data.examples("train", params, engine)
        judging = data.examples("validation", params, engine)
        balance = make_balance(params.imbalance, training.labels, len(data.names))
    for rate in settings.rates:
        with clock.phase(f"rate {rate:g}"):
            leg = train_at(
                model,
                training,
                judging,
                engine,
                rate=rate,
                seed=params.seed,
                first_epoch=num_epochs,
                balance=balance,
                on_epoch=epoch_reporter(None),
                **how,
            )
        num_epochs += len(leg.epochs)
        legs.append({"rate": rate, "accuracy": leg.best.accuracy, "stopped": leg.stopped})
        if leg.stopped == "target":
            break
    return model, clock, {"legs": legs}


def _new_classifier(architecture: Architecture, data: _Data, seed: int) -> nn.Module:
    head = new_head(num_features(architecture), len(data.names), seed=seed).state_dict()
    return build_classifier(architecture, read_backbone(data.backbone, architecture), head)


def _run_scheme(params: Params, data: _Data, engine: Engine) -> tuple[nn.Module, Clock, Result]:
    definitions = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    paths = read_paths()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _lay_out(folder, params, data, paths)
        with contextlib.chdir(folder):
            clock = Clock()
            for stage, phase in PHASE_OF_STAGE.items():
                name_of_stage = stage.__name__.rpartition(".")[2]
                with clock.phase(phase):
                    stage.main(**_options(definitions[name_of_stage]["cmd"], paths))
        model = load_classifier(
            params.model.network, load_file(folder / paths.model), len(data.names)
        )
        seen = _seen(paths.below(folder))
    return model.to(engine.device), clock, seen


def _lay_out(folder: Path, params: Params, data: _Data, paths: Paths) -> None:
    (folder / DEFAULT_PATH).write_text(json.dumps(params.model_dump(mode="json")))  # JSON is YAML
    sources = {
        paths.pixels: data.pixels,
        paths.table: data.table,
        paths.backbone: data.backbone,
    }
    for path, source in sources.items():
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve())
    write_split(folder / paths.split, data.rows)
    ensure_file(folder / paths.champion)


def _options(command: str, paths: Paths) -> dict[str, Path]:
    """The paths that a stage of dvc.yaml is called with."""
    words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", command)
    path_of = paths.as_dict()
    return {option.replace("-", "_"): path_of[name] for option, name in words}


def _seen(paths: Paths) -> Result:
    """What the stages found, and what their figures are drawn from."""
    return {
        "rate": read_json(paths.lr),
        "rates_by_depth": read_json(paths.body_lr)["rates"],
        "choice": read_json(paths.model_choice),
        "curves": {
            name: pd.read_csv(path).to_dict(orient="list")
            for name, path in paths.as_dict().items()
            if name in ("lr_curve", "body_lr_curve", "head_steps", "model_steps")
        },
    }


def _final(model: nn.Module, data: _Data, params: Params, engine: Engine) -> Result:
    judging = data.examples("validation", params, engine)
    probabilities = torch.softmax(predict_logits(model, judging, engine), dim=1).numpy()
    labels = judging.labels.cpu().numpy()
    return {
        **compute_metrics(probabilities, labels, data.names),
        "confusion": confusion(probabilities, labels, data.names).tolist(),
    }


def main(
    *,
    arm: Annotated[str, typer.Option(help="A key of settings in benchmarks/params.yaml.")],
    architecture: Annotated[str, typer.Option(help="Of the network.")],
    seed: Annotated[int, typer.Option(help="Of order, views and head.")],
    pixels: Dep,
    table: Dep,
    split: Dep,
    backbone: Dep,
    into: Out,
) -> None:
    """Train once by one arm, and write what it took and reached."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("lradapt").setLevel(logging.INFO)
    settings = load_benchmark().settings[arm]
    this = {"seed": seed, "model": {"architecture": architecture}}
    found = run_arm(
        settings,
        changed(read_yaml(DEFAULT_PATH), this),
        pixels=pixels,
        table=table,
        split=split,
        backbone=backbone,
    )
    about = {"arm": arm, "architecture": architecture, "seed": seed}
    write_json(into, {**about, "settings": settings.model_dump(mode="json"), **found})


if __name__ == "__main__":
    run(main)
