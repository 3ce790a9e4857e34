"""One arm of the comparison: trains once, by the clock, and writes its seconds and scores.

    python -m benchmarks.arms --arm paper --architecture resnet18 --seed 0 ... --into RUN.json

The scheme's arms are the product itself: the stages of `dvc.yaml`, called one after the other in a
folder of their own. The validation split decides when to stop and which weights to keep, where an
arm has a choice, and the test split measures these alone; or, as in the paper, the test split does
both (`--chosen-by test`), and all accuracies are too high for this reason, most of all those of the
arm with the most epochs to choose from. The clock includes range tests, caching and validation.
"""

import contextlib
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
import yaml
from safetensors.torch import load_file
from torch import nn

from benchmarks.clock import Clock, Point
from benchmarks.conventional import train_at
from benchmarks.inputs import Inputs
from benchmarks.measuring import Elapsed, processor
from benchmarks.program import run
from benchmarks.settings import (
    ArmSettings,
    ChosenBy,
    ConventionalSettings,
    FastaiSettings,
    load_benchmark,
    with_architecture,
)
from lradapt.compute.engine import Engine, start_engine
from lradapt.config.params import DEFAULT_PATH, Params
from lradapt.config.paths import Paths, read_paths
from lradapt.config.validation import validate
from lradapt.config.yaml_files import read_yaml
from lradapt.data.labelled_image import SPLITS, class_names, in_split
from lradapt.data.split_table import write_split
from lradapt.errors import LradaptError
from lradapt.evaluation.metrics import compute_metrics, confusion
from lradapt.networks.backbone import read_origin
from lradapt.networks.champion import ensure_file
from lradapt.networks.classifier import load_classifier
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
from lradapt.stages.inputs import read_classifier
from lradapt.training.imbalance import make_balance
from lradapt.training.model_choice import HEAD_ALONE
from lradapt.training.scoring import predict_logits

PHASE_OF_STAGE = {
    activations: "head",
    find_lr: "rate search",
    train_head: "head",
    find_body_lr: "rate search",
    finetune: "fine-tuning",
}
"""The scheme's stages in their order, and the column of each in table 2 of the paper."""

Result = dict[str, Any]


def run_arm(settings: ArmSettings, values: Mapping[str, Any], inputs: Inputs) -> Result:
    """Train by one arm; return its seconds and its scores.

    Args:
        settings: of the arm.
        values: of params.yaml, with the architecture and the seed of this run.
        inputs: the files that every arm starts from.
    """
    rows = inputs.rows  # read before the clock starts
    params = validate(Params, settings.applied_to(values), DEFAULT_PATH)
    engine = start_engine(**params.engine.model_dump())
    if isinstance(settings, ConventionalSettings):
        model, clock, found = _run_conventional(settings, params, inputs, engine)
    elif isinstance(settings, FastaiSettings):
        model, clock, found = _run_fastai(settings, params, inputs, engine)
    else:
        model, clock, found = _run_scheme(params, inputs, engine)
    return {
        "seconds": asdict(clock.total()),
        "phases": {name: asdict(spent) for name, spent in clock.phases.items()},
        "points": [asdict(point) for point in clock.points],
        **found,
        "final": _final(model, inputs, params, engine),
        "chosen_by": inputs.chosen_by,
        "classes": class_names(rows),
        "images": {split: number for split in SPLITS if (number := len(in_split(rows, split)))},
        "params": params.model_dump(mode="json"),
        "backbone": asdict(read_origin(inputs.backbone)),
        "machine": machine(engine),
        "date": datetime.now(UTC).date().isoformat(),
    }


def machine(engine: Engine) -> dict[str, Any]:
    """Return the device, its settings and the versions of the packages that compute."""
    on_gpu = engine.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name() if on_gpu else processor(),
        "clock": "seconds" if on_gpu else "cpu_seconds",
        "cores": len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "precision": engine.precision,
        "torch": version("torch"),
        "torchvision": version("torchvision"),
    }


def _run_conventional(
    settings: ConventionalSettings, params: Params, inputs: Inputs, engine: Engine
) -> tuple[nn.Module, Clock, Result]:
    clock, legs, num_epochs = Clock(), [], 0
    with clock.phase("preparation"):
        model = inputs.new_classifier(params).to(engine.device)
        training = inputs.examples("train", params, engine)
        validation = inputs.examples("validation", params, engine)
        balance = make_balance(params.imbalance, training.labels, len(class_names(inputs.rows)))
    for rate in settings.rates:
        with clock.phase(f"rate {rate:g}"):
            leg = train_at(
                rate,
                model,
                training,
                validation,
                engine,
                settings,
                seed=params.seed,
                first_epoch=num_epochs,
                balance=balance,
                on_epoch=epoch_reporter(None),
            )
        num_epochs += len(leg.epochs)
        legs.append({"rate": rate, "accuracy": leg.best.accuracy, "stopped": leg.stopped})
        if leg.stopped == "target":
            break
    best = max(clock.points, key=lambda point: point.accuracy)  # the first of several
    return model, clock, {"legs": legs, "kept_at": asdict(best.at)}


def _run_fastai(
    settings: FastaiSettings, params: Params, inputs: Inputs, engine: Engine
) -> tuple[nn.Module, Clock, Result]:
    if engine.device.type != "cpu":
        raise LradaptError(
            f"the arm {settings.program!r} is measured on a CPU alone, and this machine computes "
            f"on {engine.device}: set engine.device: cpu in {DEFAULT_PATH}"
        )
    if find_spec("fastai") is None:
        raise LradaptError(
            f"the arm {settings.program!r} needs the package fastai, which is not installed; "
            'install it with: python -m pip install "lradapt[bench]"'
        )
    from benchmarks.peers.fastai_training import train_by_fastai

    model, clock = train_by_fastai(settings.program, params, inputs, engine)
    return model, clock, {"kept_at": asdict(clock.total())}  # the last weights


def _run_scheme(params: Params, inputs: Inputs, engine: Engine) -> tuple[nn.Module, Clock, Result]:
    definitions = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    paths = read_paths()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_project(folder, params, inputs, paths)
        with contextlib.chdir(folder):
            clock, ended = Clock(), {}
            for stage, phase in PHASE_OF_STAGE.items():
                name_of_stage = stage.__name__.rpartition(".")[2]
                with clock.phase(phase):
                    stage.main(**_options(definitions[name_of_stage]["cmd"], paths))
                ended[stage] = clock.elapsed()
        num_classes = len(class_names(inputs.rows))
        weights = load_file(folder / paths.model)
        model = load_classifier(params.model.network, weights, num_classes)
        alone = read_classifier(params.model.network, inputs.backbone, folder / paths.head)
        found = _results(paths.below(folder)) | {
            "head": {"at": asdict(ended[train_head]), **_final(alone, inputs, params, engine)}
        }
    if all(point.phase != "head" for point in clock.points):
        clock.points.insert(0, _head_alone(found["choice"], ended[train_head]))
    alone = found["choice"]["name"] == HEAD_ALONE
    kept_at = ended[train_head] if alone else clock.total()
    return model.to(engine.device), clock, {**found, "kept_at": asdict(kept_at)}


def _head_alone(choice: Mapping[str, Any], at: Elapsed) -> Point:
    """Return the end of a head that was solved, without epochs: its scores under the backbone."""
    score = choice["scores"][HEAD_ALONE]
    return Point(
        "head", 0, at, *(score[name] for name in ("accuracy", "balanced_accuracy", "loss"))
    )


def _make_project(folder: Path, params: Params, inputs: Inputs, paths: Paths) -> None:
    (folder / DEFAULT_PATH).write_text(yaml.safe_dump(params.model_dump(mode="json")))
    sources = {
        paths.pixels: inputs.pixels,
        paths.table: inputs.table,
        paths.backbone: inputs.backbone,
    }
    for path, source in sources.items():
        link = folder / path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(source.resolve())
    write_split(folder / paths.training_split, inputs.rows)
    ensure_file(folder / paths.champion)


def _options(command: str, paths: Paths) -> dict[str, Path]:
    """Return the paths in the command of a stage of dvc.yaml, by the names of its options."""
    words = re.findall(r"--([\w-]+) \$\{path\.(\w+)\}", command)
    path_of = paths.as_dict()
    return {option.replace("-", "_"): path_of[name] for option, name in words}


def _results(paths: Paths) -> Result:
    """Return the rates and scores of the stages, and the points of the figures."""
    rate, body_rates = read_json(paths.lr), read_json(paths.body_lr)
    return {
        "rate": rate,
        "rates_by_depth": body_rates["rates"],
        "rules": {"lr_curve": rate["rule"], "body_lr_curve": body_rates["rule"]},
        "choice": read_json(paths.model_choice),
        "curves": {
            name: pd.read_csv(path).to_dict(orient="list")
            for name, path in paths.as_dict().items()
            if name in ("lr_curve", "body_lr_curve", "head_steps", "model_steps")
        },
    }


def _final(model: nn.Module, inputs: Inputs, params: Params, engine: Engine) -> Result:
    measured = inputs.examples(inputs.measured, params, engine)
    probabilities = torch.softmax(predict_logits(model, measured, engine), dim=1).numpy()
    labels, names = measured.labels.cpu().numpy(), class_names(inputs.rows)
    return {
        **compute_metrics(probabilities, labels, names),
        "confusion": confusion(probabilities, labels, names).tolist(),
    }


def main(
    *,
    arm: Annotated[str, typer.Option(help="A key of settings in benchmarks/params.yaml.")],
    architecture: Annotated[str, typer.Option(help="Of the network, or `project`.")],
    seed: Annotated[int, typer.Option(help="Of order, views and head.")],
    pixels: Dep,
    table: Dep,
    split: Dep,
    backbone: Dep,
    into: Out,
    chosen_by: Annotated[
        ChosenBy, typer.Option(help="Split that decides: `validation`; or `test`, as in the paper.")
    ] = "validation",
) -> None:
    """Train once by one arm, and write its seconds and scores."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    logging.getLogger("lradapt").setLevel(logging.INFO)
    settings = load_benchmark().settings[arm]
    values = with_architecture({**read_yaml(DEFAULT_PATH), "seed": seed}, architecture)
    inputs = Inputs(pixels, table, split, backbone, chosen_by)
    found = run_arm(settings, values, inputs)
    about = {"arm": arm, "architecture": values["model"]["architecture"], "seed": seed}
    write_json(into, {**about, "settings": settings.model_dump(mode="json"), **found})


if __name__ == "__main__":
    run(main)
