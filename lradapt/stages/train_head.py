"""Stage `train_head`: the new head on cached activations, trained or solved exactly."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.torch import save_file
from torch import nn

from lradapt.compute.engine import Engine, start_engine
from lradapt.config.params import Params, load_params
from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import TRAIN, LabelledImage, class_names, in_split
from lradapt.data.split_table import read_split
from lradapt.doubtful.exclusion import EXCLUDED
from lradapt.runtime.files import read_json, whole_file, write_json
from lradapt.runtime.timings import Spent
from lradapt.stages import Dep, Out, Store
from lradapt.stages.checkpoints import resumable_stage
from lradapt.stages.epochs import epoch_reporter
from lradapt.training.exact_head import NOT_SOLVED, solve_head
from lradapt.training.head import HeadRecipe, new_head, train_head
from lradapt.training.history import write_epochs, write_solved, write_steps
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.examples import ActivationExamples, activation_examples
from lradapt.training.loop import OnEpoch
from lradapt.training.run import TrainingRun
from lradapt.training.scoring import Score, validate

log = logging.getLogger(__name__)


def main(
    *,
    activations: Dep,
    split: Dep,
    rate: Dep,
    checkpoints: Store,
    head: Out,
    solution: Out,
    steps: Out,
    epochs: Out,
) -> Spent:
    """Make the head; return the time that earlier processes have spent on it."""
    params = load_params()
    on_epoch = epoch_reporter(params.train_head.max_epochs)  # its clock begins with the stage's
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    images = _read_images(np.load(activations, mmap_mode="r"), rows, engine, params.seed)
    tables = _Tables(solution, steps, epochs)
    inputs = [activations, split, rate]
    with resumable_stage(__name__, checkpoints, params, engine, inputs=inputs) as run:
        if params.train_head.method == "exact":
            model = _solve(images, training_groups(rows), params.imbalance, engine, tables)
        else:
            model = _train(images, params, read_json(rate)["rate"], engine, run, on_epoch, tables)
        with whole_file(head) as partial:
            save_file({name: value.cpu() for name, value in model.state_dict().items()}, partial)
    return run.earlier


def training_groups(rows: Sequence[LabelledImage]) -> list[int]:
    """Return the number of each training image's group, whose images are in one fold.

    An image that is not trained on, since its label is doubtful, still joins the groups it is in.
    """
    return group_numbers(in_split(rows, TRAIN), joined_by=in_split(rows, EXCLUDED))


@dataclass(frozen=True, slots=True)
class _Images:
    """The activations of two splits, and the number of classes."""

    training: ActivationExamples
    validation: ActivationExamples
    num_classes: int


@dataclass(frozen=True, slots=True)
class _Tables:
    """The files that record how the head was made."""

    solution: Path
    steps: Path
    epochs: Path


def _read_images(
    features: npt.NDArray[np.float32], rows: Sequence[LabelledImage], engine: Engine, seed: int
) -> _Images:
    names = class_names(rows)
    training, validation = (
        activation_examples(features, in_split(rows, split), names, engine.device, seed=seed)
        for split in ("train", "validation")
    )
    return _Images(training, validation, len(names))


def _solve(
    images: _Images, groups: Sequence[int], imbalance: str, engine: Engine, tables: _Tables
) -> nn.Linear:
    training = images.training
    found = solve_head(
        training.activations,
        training.labels,
        num_classes=images.num_classes,
        groups=groups,
        imbalance=imbalance,
    )
    model = found.linear().to(engine.device)
    score = validate(model, images.validation, engine, when="with the solved head")
    log.info("head: penalty %g, loss %.4f%s", found.penalty, found.training_loss, _reached(score))
    write_json(tables.solution, found.record())
    write_solved(
        tables.steps, tables.epochs, groups=["head"], loss=found.training_loss, validation=score
    )
    return model


def _reached(score: Score | None) -> str:
    return f", accuracy on the validation split {score.accuracy:.2%}" if score else ""


def _train(
    images: _Images,
    params: Params,
    max_lr: float,
    engine: Engine,
    run: TrainingRun,
    on_epoch: OnEpoch,
    tables: _Tables,
) -> nn.Linear:
    recipe = HeadRecipe(**params.train_head.model_dump(exclude={"method"}))
    training = images.training
    num_features = training.activations.shape[-1]
    model = new_head(num_features, images.num_classes, seed=params.seed).to(engine.device)
    done = train_head(
        model,
        training,
        images.validation,
        engine,
        recipe,
        max_lr=max_lr,
        seed=params.seed,
        balance=make_balance(params.imbalance, training.labels, images.num_classes),
        run=run,
        on_epoch=on_epoch,
    )
    write_json(tables.solution, NOT_SOLVED)
    write_steps(tables.steps, done, ["head"])
    write_epochs(tables.epochs, done)
    return model
