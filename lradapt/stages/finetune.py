"""Stage `finetune`: all layers, three rates by depth, growing cycles, and the final model."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.torch import save_file
from torch import nn

from lradapt.compute.distributed.launch import distribute
from lradapt.compute.engine import Engine, start_engine
from lradapt.config.params import Params, load_params
from lradapt.data.labelled_image import class_names
from lradapt.data.split_table import read_split
from lradapt.errors import TrainingError
from lradapt.networks.champion import read_champion, warm_weights
from lradapt.networks.classifier import load_weights
from lradapt.runtime import process_rank
from lradapt.runtime.files import read_json, whole_file, write_json
from lradapt.runtime.timings import NO_TIME, Spent
from lradapt.stages import Dep, Out, Store
from lradapt.stages.checkpoints import resumable_stage
from lradapt.stages.epochs import epoch_reporter
from lradapt.stages.inputs import read_classifier, split_examples
from lradapt.training.finetune import FinetuneRecipe, finetune, lowered, was_worth_it
from lradapt.training.history import write_epochs, write_steps
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.model_choice import Choice, choose_final
from lradapt.training.records import Cycle, Weights, snapshot
from lradapt.training.run import TrainingRun
from lradapt.training.scoring import Score, predict_logits, score

log = logging.getLogger(__name__)

NOT_OF_THE_RECIPE = {"start", "processes", "lower_rates"}


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
) -> Spent:
    """Train every layer; return the time of earlier processes."""
    params = load_params()
    engine = distribute(start_engine(**params.engine.model_dump()), params.finetune.processes)
    rows = read_split(split)
    names = class_names(rows)
    training, validation = (
        split_examples(each, params, rows, pixels, engine) for each in ("train", "validation")
    )
    images = _Images(training, validation, num_classes=len(names))
    network = read_classifier(params.model.network, backbone, head)
    ancestor = _warm_start(network, params, champion, names)
    network.to(engine.device)
    before = _Start(
        snapshot(network), score(network, validation, engine) if len(validation.labels) else None
    )
    inputs = [pixels, split, backbone, head, champion, rates]
    earlier, given_up = NO_TIME, 0
    for attempt in range(1 + params.finetune.lower_rates):
        max_lrs = lowered(read_json(rates)["rates"], attempt)
        with resumable_stage(
            __name__, checkpoints, params, engine, inputs=inputs, attempt=attempt
        ) as run:
            with _rescuing(model.with_name("last_good.safetensors")) as done:
                gained = _train(network, images, engine, params, max_lrs, before, run, done)
                earlier += run.earlier
                if not gained and attempt < params.finetune.lower_rates:
                    log.info("the training begins again, with a third of the rates")
                    network.load_state_dict(before.weights)
                    given_up += len(done[0].epochs)
                    continue
                chosen = _choose(network, images, engine, _recipe(params), before, done)
            validation_logits = predict_logits(network, validation, engine).numpy()
            if engine.processes.rank == 0:
                _save(network.state_dict(), model)
                _save_array(validation_logits, logits)
                lengths = {"num_cycles": len(done), "epochs": _epoch_counts(params, done, given_up)}
                record = {**asdict(chosen), **lengths, "rates": max_lrs, "ancestor": ancestor}
                write_json(choice, record)
                all_epochs = [epoch for cycle in done for epoch in cycle.epochs]
                write_steps(steps, all_epochs, [each.name for each in params.model.network.groups])
                write_epochs(epochs, all_epochs)
            break
    return earlier


@dataclass(frozen=True, slots=True)
class _Images:
    """Examples of the two splits that a training reads."""

    training: Examples
    validation: Examples
    num_classes: int


@dataclass(frozen=True, slots=True)
class _Start:
    """The network before its training: its weights, and their score on the validation split."""

    weights: Weights
    score: Score | None


def _recipe(params: Params) -> FinetuneRecipe:
    return FinetuneRecipe(**params.finetune.model_dump(exclude=NOT_OF_THE_RECIPE))


def _train(
    network: nn.Module,
    images: _Images,
    engine: Engine,
    params: Params,
    max_lrs: Mapping[str, float],
    before: _Start,
    run: TrainingRun,
    done: list[Cycle],
) -> bool:
    """Train all layers and add each whole cycle to `done`; return whether the first one gained."""
    recipe = _recipe(params)
    cycles = finetune(
        network,
        images.training,
        images.validation,
        engine,
        recipe,
        layers=params.model.network.groups,
        max_lrs=[max_lrs[layer.name] for layer in params.model.network.groups],
        seed=params.seed,
        balance=make_balance(params.imbalance, images.training.labels, images.num_classes),
        run=run,
        on_epoch=epoch_reporter(sum(recipe.cycle_epochs)),
    )
    with closing(cycles):
        for cycle in cycles:
            done.append(cycle)
            if recipe.stop == "no_gain" and not was_worth_it(before.score, done, recipe.choose_by):
                log.info("no gain in cycle %d; the training of all layers ends", len(done))
                return len(done) > 1
    return True


def _choose(
    network: nn.Module,
    images: _Images,
    engine: Engine,
    recipe: FinetuneRecipe,
    before: _Start,
    done: Sequence[Cycle],
) -> Choice:
    """Load the final weights, and return which they are."""
    return choose_final(
        network,
        done,
        images.training,
        images.validation,
        engine,
        batch_size=recipe.batch_size,
        before=before.weights,
        score_before=before.score,
        batchnorm_frozen=recipe.batchnorm == "frozen",
        by=recipe.choose_by,
    )


def _epoch_counts(params: Params, done: Sequence[Cycle], given_up: int) -> dict[str, int]:
    """Return the number of epochs trained, of those planned, and of those before lower rates."""
    return {
        "trained": sum(len(cycle.epochs) for cycle in done),
        "planned": sum(_recipe(params).cycle_epochs),
        "given_up": given_up,
    }


def _warm_start(network: nn.Module, params: Params, path: Path, names: Sequence[str]) -> str:
    """Load the champion's weights for a warm start; return its version, or nothing."""
    if params.finetune.start == "backbone":
        return ""
    architecture = params.model.network
    champion, weights = read_champion(path, architecture.name)
    warm = warm_weights(
        weights,
        network.state_dict(),
        head=architecture.head,
        previous_classes=champion.class_names,
        classes=names,
    )
    load_weights(network, warm, architecture)
    log.info("starting from the weights of version %s", champion.version)
    return champion.version


@contextmanager
def _rescuing(rescued: Path) -> Iterator[list[Cycle]]:
    """Yield a list for the block's cycles; after an error save the last one's weights."""
    rescued.unlink(missing_ok=True)
    cycles: list[Cycle] = []
    try:
        yield cycles
    except TrainingError as error:
        if not cycles or process_rank.rank():
            raise
        _save(cycles[-1].weights, rescued)
        raise TrainingError(
            f"{error}. The weights after the last whole cycle are in {rescued}"
        ) from error


def _save_array(values: npt.NDArray[np.float32], path: Path) -> None:
    with whole_file(path) as partial, partial.open("wb") as file:
        np.save(file, values)


def _save(weights: Weights, path: Path) -> None:
    with whole_file(path) as partial:
        save_file({name: value.cpu().contiguous() for name, value in weights.items()}, partial)
