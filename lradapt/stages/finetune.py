"""Stage `finetune`: all layers, three rates by depth, growing cycles, and the final model."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from safetensors.torch import load_file, save_file

from lradapt.backbone import read_backbone
from lradapt.batches import Normalisation, PixelExamples, RandomViews, pixel_examples
from lradapt.data.augment import Augmentation
from lradapt.data.split_table import class_names, on_side, read_split
from lradapt.engine import start_engine
from lradapt.errors import TrainingError
from lradapt.files import read_json, whole_file, write_json
from lradapt.final_model import choose_final
from lradapt.finetune import Cycle, Weights, finetune, snapshot
from lradapt.history import write_epochs, write_steps
from lradapt.imbalance import make_balance
from lradapt.models import build_classifier
from lradapt.params import load_params
from lradapt.stages import Dep, Out
from lradapt.train import predict_logits


def main(
    *,
    pixels: Dep,
    split: Dep,
    backbone: Dep,
    head: Dep,
    rates: Dep,
    model: Out,
    choice: Out,
    logits: Out,
    steps: Out,
    epochs: Out,
) -> None:
    """Train every layer."""
    params = load_params()
    architecture = params.model.network
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    names = class_names(rows)
    squares = np.load(pixels, mmap_mode="r")

    def examples(side: str, views: RandomViews | None = None) -> PixelExamples:
        return pixel_examples(
            squares,
            on_side(rows, side),
            names,
            engine.device,
            normalise=Normalisation(params.data.mean, params.data.deviation),
            views=views,
        )

    classifier = build_classifier(
        architecture, read_backbone(backbone, architecture), load_file(head)
    )
    views = RandomViews(Augmentation(**params.augment.model_dump()), params.seed)
    training, tune = examples("train", views), examples("tune")
    groups, max_lr_of = architecture.groups, read_json(rates)["rates"]
    before = snapshot(classifier.to(engine.device))
    cycles = _kept(
        finetune(
            classifier,
            training,
            tune,
            engine,
            groups=groups,
            max_lrs=[max_lr_of[group.name] for group in groups],
            seed=params.seed,
            balance=make_balance(params.imbalance, training.labels, len(names)),
            **params.finetune.model_dump(),
        ),
        rescued=model.with_name("last_good.safetensors"),
    )
    chosen = choose_final(
        classifier,
        cycles,
        training,
        tune,
        engine,
        batch_size=params.finetune.batch_size,
        before=before,
    )
    _save(classifier.state_dict(), model)
    write_json(choice, asdict(chosen))
    with whole_file(logits) as partial, partial.open("wb") as file:
        np.save(file, predict_logits(classifier, tune, engine).numpy())
    done = [epoch for cycle in cycles for epoch in cycle.epochs]
    write_steps(steps, done, [group.name for group in groups])
    write_epochs(epochs, done)


def _kept(cycles: Iterator[Cycle], *, rescued: Path) -> list[Cycle]:
    """The cycles; where one ends in an error, the weights before it stay in the file `rescued`."""
    kept: list[Cycle] = []
    rescued.unlink(missing_ok=True)
    try:
        for cycle in cycles:
            kept.append(cycle)  # what came before an error is kept
    except TrainingError as error:
        if not kept:
            raise
        _save(kept[-1].weights, rescued)
        raise TrainingError(
            f"{error}. The weights after the last whole cycle are in {rescued}"
        ) from None
    return kept


def _save(weights: Weights, path: Path) -> None:
    with whole_file(path) as partial:
        save_file({name: value.cpu().contiguous() for name, value in weights.items()}, partial)
