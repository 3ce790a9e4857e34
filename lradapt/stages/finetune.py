"""Stage `finetune`: all layers, three rates by depth, growing cycles."""

import numpy as np
from safetensors.torch import load_file, save_file

from lradapt.architectures import layer_groups
from lradapt.backbone import read_backbone
from lradapt.batches import Normalisation, PixelExamples, RandomViews, pixel_examples
from lradapt.data.augment import Augmentation
from lradapt.data.split_table import class_names, on_side, read_split
from lradapt.engine import start_engine
from lradapt.files import read_json, whole_file
from lradapt.finetune import finetune
from lradapt.history import write_epochs, write_steps
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
    logits: Out,
    steps: Out,
    epochs: Out,
) -> None:
    """Train every layer."""
    params = load_params()
    architecture = params.model.architecture
    engine = start_engine(**params.engine.model_dump())
    rows = read_split(split)
    squares = np.load(pixels, mmap_mode="r")

    def examples(side: str, views: RandomViews | None = None) -> PixelExamples:
        return pixel_examples(
            squares,
            on_side(rows, side),
            class_names(rows),
            engine.device,
            normalise=Normalisation(params.data.mean, params.data.deviation),
            views=views,
        )

    classifier = build_classifier(
        architecture, read_backbone(backbone, architecture), load_file(head)
    )
    groups, tune = layer_groups(architecture), examples("tune")
    max_lr_of = read_json(rates)
    done = finetune(
        classifier,
        examples("train", RandomViews(Augmentation(**params.augment.model_dump()), params.seed)),
        tune,
        engine,
        groups=groups,
        max_lrs=[max_lr_of[group.name] for group in groups],
        seed=params.seed,
        **params.finetune.model_dump(),
    )
    weights = {name: value.cpu().contiguous() for name, value in classifier.state_dict().items()}
    with whole_file(model) as partial:
        save_file(weights, partial)
    with whole_file(logits) as partial, partial.open("wb") as file:
        np.save(file, predict_logits(classifier, tune, engine).numpy())
    write_steps(steps, done, [group.name for group in groups])
    write_epochs(epochs, done)
