"""Stage `finetune`: all layers, three rates by depth, growing cycles, and the final model."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.torch import save_file
from torch import nn

from lradapt import ranks
from lradapt.batches import Examples
from lradapt.champion import read_champion, warm_weights
from lradapt.checkpoint import key_of
from lradapt.course import Course, underway
from lradapt.data.split_table import class_names, read_split
from lradapt.engine import Engine, start_engine
from lradapt.errors import TrainingError
from lradapt.files import read_json, whole_file, write_json
from lradapt.final_model import choose_final
from lradapt.finetune import Cycle, Weights, finetune, snapshot
from lradapt.history import write_epochs, write_steps
from lradapt.imbalance import Balance, make_balance
from lradapt.models import load_weights
from lradapt.params import Params, load_params
from lradapt.spread import spread
from lradapt.stage_inputs import read_classifier, side_examples
from lradapt.stages import Dep, Out, Store
from lradapt.train import predict_logits

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
    training, tune = (
        side_examples(side, params, rows, pixels, engine) for side in ("train", "tune")
    )
    network = read_classifier(params.model.network, backbone, head)
    ancestor = _warm_start(network, params, champion, class_names(rows))
    network.to(engine.device)
    before = snapshot(network)
    balance = make_balance(params.imbalance, training.labels, len(class_names(rows)))
    max_lr_of = read_json(rates)["rates"]
    files = {"pixels": pixels, "split": split, "backbone": backbone, "head": head, "rates": rates}
    key = _key({**files, "champion": champion}, params, engine)
    every_seconds = params.checkpoint.every_seconds
    cycles: list[Cycle] = []
    with (
        underway(
            checkpoints / "finetune",
            key,
            every_seconds=every_seconds,
            processes=engine.processes,
        ) as course,
        _rescuing(cycles, model.with_name("last_good.safetensors")),
    ):
        for cycle in _cycles(
            network,
            training,
            tune,
            engine,
            params=params,
            balance=balance,
            max_lr_of=max_lr_of,
            course=course,
        ):
            cycles.append(cycle)
        batch_size = params.finetune.batch_size
        chosen = choose_final(
            network, cycles, training, tune, engine, batch_size=batch_size, before=before
        )
        tune_logits = predict_logits(network, tune, engine).numpy()
        if engine.processes.rank:
            return
        _save(network.state_dict(), model)
        write_json(choice, {**asdict(chosen), "ancestor": ancestor})
        with whole_file(logits) as partial, partial.open("wb") as file:
            np.save(file, tune_logits)
        done = [epoch for cycle in cycles for epoch in cycle.epochs]
        write_steps(steps, done, [group.name for group in params.model.network.groups])
        write_epochs(epochs, done)


def _key(files: Mapping[str, Path], params: Params, engine: Engine) -> str:
    read = {
        "seed": params.seed,
        "data": [params.data.mean, params.data.deviation],
        "model": params.model.model_dump(),
        "imbalance": params.imbalance,
        "augment": params.augment.model_dump(),
        "finetune": params.finetune.model_dump(),
    }
    return key_of("finetune", files, read, engine)


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


def _cycles(
    network: nn.Module,
    training: Examples,
    tune: Examples,
    engine: Engine,
    *,
    params: Params,
    balance: Balance,
    max_lr_of: Mapping[str, float],
    course: Course,
) -> Iterator[Cycle]:
    groups = params.model.network.groups
    return finetune(
        network,
        training,
        tune,
        engine,
        groups=groups,
        max_lrs=[max_lr_of[group.name] for group in groups],
        seed=params.seed,
        balance=balance,
        course=course,
        **params.finetune.model_dump(exclude={"start", "processes"}),
    )


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
