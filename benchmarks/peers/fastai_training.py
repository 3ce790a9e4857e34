"""Training by a recipe of fastai, from the images, the backbone and the views of every arm."""

from torch import nn

from benchmarks.clock import Clock
from benchmarks.inputs import Inputs
from benchmarks.peers.fastai_recipes import RECIPES, train, train_by_vision_learner
from benchmarks.peers.fastai_vision import FINE_TUNE
from lradapt.compute.engine import Engine
from lradapt.config.params import Params
from lradapt.data.labelled_image import class_names
from lradapt.errors import LradaptError
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_body


def train_by_fastai(
    program: str, params: Params, inputs: Inputs, engine: Engine
) -> tuple[nn.Module, Clock]:
    """Train from the backbone by a program of benchmarks.peers.recipe.

    Returns:
        The network with its last weights, and the clock with a point for each epoch.

    Raises:
        LradaptError: fastai has no such recipe here.
    """
    training, validation = (
        inputs.examples(split, params, engine) for split in ("train", "validation")
    )
    if program in RECIPES:
        return train(program, inputs.new_classifier(params), training, validation, params)
    if program not in FINE_TUNE:
        raise LradaptError(
            f"there is no recipe {program!r}; there are {', '.join([*RECIPES, *FINE_TUNE])}"
        )
    architecture = params.model.network
    body = build_body(architecture, read_backbone(inputs.backbone, architecture))
    num_classes = len(class_names(inputs.rows))
    return train_by_vision_learner(program, body, num_classes, training, validation, params)
