"""Stage `finetune`: a rate for each depth (0: frozen), growing cycles, and the final model."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from itertools import count
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
from lradapt.errors import DivergedError, TrainingError
from lradapt.networks.champion import read_champion, warm_weights
from lradapt.networks.classifier import load_weights
from lradapt.runtime import process_rank
from lradapt.runtime.files import read_json, whole_file, write_json
from lradapt.runtime.timings import NO_TIME, Spent
from lradapt.stages import Dep, Out, Store
from lradapt.stages.checkpoints import resumable_stage
from lradapt.stages.epochs import epoch_reporter
from lradapt.stages.inputs import read_classifier, split_examples
from lradapt.training.finetune import (
    FinetuneRecipe,
    finetune,
    lower_rates_may_gain,
    lowered,
    was_worth_it,
)
from lradapt.training.history import write_epochs, write_steps
from lradapt.training.imbalance import make_balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.loop import OnEpoch
from lradapt.training.model_choice import choose_final
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
    """Train the layers that have a rate; return the time of earlier processes.

    Where the first cycle diverges, or loses too much, but not so much that lower rates would, too,
    the training begins again with lower rates, at most as often as `finetune.lower_rates` says.
    """
    params = load_params()
    recipe = FinetuneRecipe(**params.finetune.model_dump(exclude=NOT_OF_THE_RECIPE))
    on_epoch = epoch_reporter(sum(recipe.cycle_epochs))  # one clock for all attempts
    engine = distribute(start_engine(**params.engine.model_dump()), params.finetune.processes)
    rows = read_split(split)
    training, validation = (
        split_examples(each, params, rows, pixels, engine) for each in ("train", "validation")
    )
    images = _Images(training, validation, class_names(rows))
    network = read_classifier(params.model.network, backbone, head)
    ancestor = _warm_start(network, params, champion, images.class_names)
    start = _start(network.to(engine.device), images, engine)
    plan = _Plan(network, images, engine, params, recipe, start, on_epoch)
    inputs = [pixels, split, backbone, head, champion, rates]
    earlier, given_up = NO_TIME, 0
    for attempt in count():
        max_lrs = lowered(read_json(rates)["rates"], attempt)
        last = attempt == params.finetune.lower_rates
        with (
            resumable_stage(
                __name__, checkpoints, params, engine, inputs=inputs, attempt=attempt
            ) as run,
            _rescuing(model.with_name("last_good.safetensors")) as done,
        ):
            gained = _train(plan, max_lrs, run, done, last=last)
            earlier += run.earlier
            if gained or last:
                outs = _Outs(model, choice, logits, steps, epochs)
                _finish(plan, outs, done, given_up, {"rates": max_lrs, "ancestor": ancestor})
                break
        log.info("the training begins again, with a third of the rates")
        network.load_state_dict(plan.start.weights)
        given_up += max(1, run.first_epoch)
    return earlier


@dataclass(frozen=True, slots=True)
class _Images:
    """Examples of the two splits that a training reads."""

    training: Examples
    validation: Examples
    class_names: list[str]


@dataclass(frozen=True, slots=True)
class _Start:
    """The network before its training: its weights, and their score on the validation split."""

    weights: Weights
    score: Score | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What stays the same at each attempt."""

    network: nn.Module
    images: _Images
    engine: Engine
    params: Params
    recipe: FinetuneRecipe
    start: _Start
    on_epoch: OnEpoch


@dataclass(frozen=True, slots=True)
class _Outs:
    model: Path
    choice: Path
    logits: Path
    steps: Path
    epochs: Path


def _start(network: nn.Module, images: _Images, engine: Engine) -> _Start:
    measured = len(images.validation.labels) > 0
    return _Start(
        snapshot(network), score(network, images.validation, engine) if measured else None
    )


def _train(
    plan: _Plan, max_lrs: Mapping[str, float], run: TrainingRun, done: list[Cycle], *, last: bool
) -> bool:
    """Train the layers and add each whole cycle to `done`; return False to begin again.

    Raises:
        DivergedError: a loss, a score or a weight is not finite; before the last attempt only
            where it happens after the first cycle.
    """
    recipe, before = plan.recipe, plan.start.score
    try:
        with _cycles(plan, recipe, max_lrs, run) as cycles:
            for cycle in cycles:
                done.append(cycle)
                if recipe.stop == "no_gain" and not was_worth_it(before, done, recipe.choose_by):
                    log.info("no gain in cycle %d: no further cycle at these rates", len(done))
                    return len(done) > 1 or not lower_rates_may_gain(
                        before, cycle, recipe.choose_by
                    )
    except DivergedError as error:
        if last or done:
            raise
        log.warning("%s", error)
        return False
    return True


@contextmanager
def _cycles(
    plan: _Plan, recipe: FinetuneRecipe, max_lrs: Mapping[str, float], run: TrainingRun
) -> Iterator[Iterator[Cycle]]:
    """Yield the cycles of one attempt; the end of the block is the end of the training."""
    images, layers = plan.images, plan.params.model.network.groups
    balance = make_balance(plan.params.imbalance, images.training.labels, len(images.class_names))
    with closing(
        finetune(
            plan.network,
            images.training,
            images.validation,
            plan.engine,
            recipe,
            layers=layers,
            max_lrs=[max_lrs[layer.name] for layer in layers],
            seed=plan.params.seed,
            balance=balance,
            run=run,
            on_epoch=plan.on_epoch,
        )
    ) as cycles:
        yield cycles


def _finish(
    plan: _Plan,
    outs: _Outs,
    done: Sequence[Cycle],
    given_up: int,
    record: Mapping[str, object],
) -> None:
    """Load the final weights, and let the first process write all outputs."""
    recipe, images = plan.recipe, plan.images
    chosen = choose_final(
        plan.network,
        done,
        images.training,
        images.validation,
        plan.engine,
        batch_size=recipe.batch_size,
        before=plan.start.weights,
        score_before=plan.start.score,
        batchnorm_frozen=recipe.batchnorm == "frozen",
        by=recipe.choose_by,
    )
    validation_logits = predict_logits(plan.network, images.validation, plan.engine).numpy()
    if plan.engine.processes.rank:
        return
    _save(plan.network.state_dict(), outs.model)
    _save_array(validation_logits, outs.logits)
    lengths = {"num_cycles": len(done), "epochs": _epoch_counts(recipe, done, given_up)}
    write_json(outs.choice, {**asdict(chosen), **lengths, **record})
    all_epochs = [epoch for cycle in done for epoch in cycle.epochs]
    write_steps(outs.steps, all_epochs, [each.name for each in plan.params.model.network.groups])
    write_epochs(outs.epochs, all_epochs)


def _epoch_counts(recipe: FinetuneRecipe, done: Sequence[Cycle], given_up: int) -> dict[str, int]:
    """Return the number of epochs trained, of those planned, and of those before lower rates."""
    return {
        "trained": sum(len(cycle.epochs) for cycle in done),
        "planned": sum(recipe.cycle_epochs),
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
