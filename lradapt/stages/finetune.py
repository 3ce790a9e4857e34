"""Stage `finetune`: all layers, three rates by depth, growing cycles, and the final model."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from lradapt.runtime.timings import Spent
from lradapt.stages import Dep, Out, Store
from lradapt.stages.checkpoints import resumable_stage
from lradapt.stages.epochs import epoch_reporter
from lradapt.stages.inputs import read_classifier, split_examples
from lradapt.training.finetune import FinetuneRecipe, finetune, was_worth_it
from lradapt.training.history import write_epochs, write_steps
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.model_choice import Choice, choose_final
from lradapt.training.records import Cycle, Weights, snapshot
from lradapt.training.run import TrainingRun
from lradapt.training.scoring import Score, predict_logits, score

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
    inputs = [pixels, split, backbone, head, champion, rates]
    with resumable_stage(__name__, checkpoints, params, engine, inputs=inputs) as run:
        with _rescuing(model.with_name("last_good.safetensors")) as done:
            chosen = _train(network, images, engine, params, read_json(rates)["rates"], run, done)
        validation_logits = predict_logits(network, validation, engine).numpy()
        if engine.processes.rank == 0:
            _save(network.state_dict(), model)
            _save_array(validation_logits, logits)
            length = {"num_cycles": len(done), "epochs": _epoch_counts(_recipe(params), done)}
            write_json(choice, {**asdict(chosen), **length, "ancestor": ancestor})
            all_epochs = [epoch for cycle in done for epoch in cycle.epochs]
            write_steps(steps, all_epochs, [layer.name for layer in params.model.network.groups])
            write_epochs(epochs, all_epochs)
    return run.earlier


@dataclass(frozen=True, slots=True)
class _Images:
    """Examples of the two splits that a training reads."""

    training: Examples
    validation: Examples
    num_classes: int


def _recipe(params: Params) -> FinetuneRecipe:
    return FinetuneRecipe(**params.finetune.model_dump(exclude={"start", "processes"}))


def _train(
    network: nn.Module,
    images: _Images,
    engine: Engine,
    params: Params,
    max_lrs: Mapping[str, float],
    run: TrainingRun,
    done: list[Cycle],
) -> Choice:
    """Train all layers, add each whole cycle to `done`, and load the final weights."""
    recipe, layers, validation = _recipe(params), params.model.network.groups, images.validation
    before = snapshot(network)
    score_before = score(network, validation, engine) if len(validation.labels) else None
    cycles = finetune(
        network,
        images.training,
        validation,
        engine,
        recipe,
        layers=layers,
        max_lrs=[max_lrs[layer.name] for layer in layers],
        seed=params.seed,
        balance=make_balance(params.imbalance, images.training.labels, images.num_classes),
        run=run,
        on_epoch=epoch_reporter(sum(recipe.cycle_epochs)),
    )
    with closing(cycles):
        _train_cycles(cycles, done, score_before, recipe)
    return choose_final(
        network,
        done,
        images.training,
        validation,
        engine,
        batch_size=recipe.batch_size,
        before=before,
        score_before=score_before,
        batchnorm_frozen=recipe.batchnorm == "frozen",
        by=recipe.choose_by,
    )


def _train_cycles(
    cycles: Iterable[Cycle], done: list[Cycle], before: Score | None, recipe: FinetuneRecipe
) -> None:
    """Add the cycles to `done`; with `stop: no_gain`, none after one that was not worth it."""
    for cycle in cycles:
        done.append(cycle)
        if recipe.stop == "no_gain" and not was_worth_it(before, done, recipe.choose_by):
            log.info("no gain in cycle %d; the training of all layers ends", len(done))
            return


def _epoch_counts(recipe: FinetuneRecipe, done: Sequence[Cycle]) -> dict[str, int]:
    """Return the number of epochs that were trained, and of those that were planned."""
    return {
        "trained": sum(len(cycle.epochs) for cycle in done),
        "planned": sum(recipe.cycle_epochs),
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
