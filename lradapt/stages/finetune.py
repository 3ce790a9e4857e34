"""Stage `finetune`: all layers, three rates by depth, growing cycles, and the final model."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import save_file
from torch import nn

from lradapt.compute.distributed.launch import spread
from lradapt.compute.engine import Engine, start_engine
from lradapt.config.params import Params, load_params
from lradapt.data.labelled_image import class_names
from lradapt.data.split_table import read_split
from lradapt.errors import TrainingError
from lradapt.networks.champion import read_champion, warm_weights
from lradapt.networks.classifier import load_weights
from lradapt.runtime import ranks
from lradapt.runtime.files import read_json, whole_file, write_json
from lradapt.stages import Dep, Out, Store
from lradapt.stages.checkpoints import stage_course
from lradapt.stages.inputs import read_classifier, split_examples
from lradapt.training.finetune import Cycle, Weights, finetune, snapshot
from lradapt.training.history import write_epochs, write_steps
from lradapt.training.imbalance import Balance, make_balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.loop import Epoch, predict_logits
from lradapt.training.model_choice import Choice, choose_final
from lradapt.training.resume import Course

log = logging.getLogger(__name__)


def main(
    *,
    pixels: Dep,
    split: Dep,
    backbone: Dep,
    head: Dep,
    champion: Dep,
    rates: Dep,
    checkpoints: Store,
    model: Out,
    choice: Out,
    logits: Out,
    steps: Out,
    epochs: Out,
) -> None:
    """Train every layer."""
    params = load_params()
    engine = spread(start_engine(**params.engine.model_dump()), params.finetune.processes)
    rows = read_split(split)
    names = class_names(rows)
    training, validation = (
        split_examples(side, params, rows, pixels, engine) for side in ("train", "validation")
    )
    network = read_classifier(params.model.network, backbone, head)
    ancestor = _warm_start(network, params, champion, names)
    files, values = [pixels, split, backbone, head, champion, rates], _values(params)
    with stage_course(
        "finetune", checkpoints, params, engine, files=files, values=values
    ) as course:
        chosen, done = _train(
            network.to(engine.device),
            training,
            validation,
            engine,
            params=params,
            balance=make_balance(params.imbalance, training.labels, len(names)),
            max_lr_of=read_json(rates)["rates"],
            course=course,
            rescued=model.with_name("last_good.safetensors"),
        )
        validation_logits = predict_logits(network, validation, engine).numpy()
        if engine.processes.rank:
            return
        _save(network.state_dict(), model)
        write_json(choice, {**asdict(chosen), "ancestor": ancestor})
        with whole_file(logits) as partial, partial.open("wb") as file:
            np.save(file, validation_logits)
        write_steps(steps, done, [group.name for group in params.model.network.groups])
        write_epochs(epochs, done)


def _values(params: Params) -> dict[str, Any]:
    return {
        "seed": params.seed,
        "data": [params.data.mean, params.data.deviation],
        "model": params.model.model_dump(),
        "imbalance": params.imbalance,
        "augment": params.augment.model_dump(),
        "finetune": params.finetune.model_dump(),
    }


def _warm_start(network: nn.Module, params: Params, path: Path, names: Sequence[str]) -> str:
    """Load the champion's weights into the new network, if asked for; the version, or nothing."""
    if params.finetune.start == "backbone":
        return ""
    architecture = params.model.network
    champion, weights = read_champion(path, architecture.name)
    warm = warm_weights(
        weights,
        network.state_dict(),
        head=architecture.head,
        former_classes=champion.class_names,
        classes=names,
    )
    load_weights(network, warm, architecture)
    log.info("starts from the weights of version %s", champion.version)
    return champion.version


def _train(
    network: nn.Module,
    training: Examples,
    validation: Examples,
    engine: Engine,
    *,
    params: Params,
    balance: Balance,
    max_lr_of: Mapping[str, float],
    course: Course,
    rescued: Path,
) -> tuple[Choice, list[Epoch]]:
    """Train the network, and load the weights that are chosen; the choice, and all epochs."""
    groups, how = params.model.network.groups, params.finetune
    before = snapshot(network)
    cycles: list[Cycle] = []
    with _rescuing(cycles, rescued):
        for cycle in finetune(
            network,
            training,
            validation,
            engine,
            groups=groups,
            max_lrs=[max_lr_of[group.name] for group in groups],
            seed=params.seed,
            balance=balance,
            course=course,
            **how.model_dump(exclude={"start", "processes"}),
        ):
            cycles.append(cycle)
        chosen = choose_final(
            network, cycles, training, validation, engine, batch_size=how.batch_size, before=before
        )
    return chosen, [epoch for cycle in cycles for epoch in cycle.epochs]


@contextmanager
def _rescuing(cycles: Sequence[Cycle], rescued: Path) -> Iterator[None]:
    """A block that fills `cycles`; an error in it leaves the last one's weights in `rescued`."""
    rescued.unlink(missing_ok=True)
    try:
        yield
    except TrainingError as error:
        if not cycles or ranks.rank():
            raise
        _save(cycles[-1].weights, rescued)
        raise TrainingError(
            f"{error}. The weights after the last whole cycle are in {rescued}"
        ) from None


def _save(weights: Weights, path: Path) -> None:
    with whole_file(path) as partial:
        save_file({name: value.cpu().contiguous() for name, value in weights.items()}, partial)
