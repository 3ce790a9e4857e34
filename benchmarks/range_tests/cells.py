"""A cell: a data set, an architecture and a part of the network, for which a rate is searched."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from benchmarks.range_tests.arrays import Arrays
from lradapt.compute.engine import Engine, seeded, start_engine
from lradapt.networks.architectures import ARCHITECTURES, LayerGroup
from lradapt.networks.classifier import body_weights, build, build_body
from lradapt.networks.normalisation import Normalisation
from lradapt.training.finetune import FinetuneRecipe, finetune
from lradapt.training.head import HeadRecipe, new_head, train_head
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.batches import Examples
from lradapt.training.inputs.examples import (
    ActivationExamples,
    PixelExamples,
    Preparation,
    RandomViews,
)
from lradapt.training.scoring import predict_logits, score

RATIO = (0.1, 1 / 3, 1.0)
"""Ratio of the rates by depth, as in params.yaml."""
BATCH_SIZE, MOMENTUM, L2 = 64, 0.9, 1e-4
HEAD_RECIPE = HeadRecipe(
    batch_size=BATCH_SIZE,
    momentum=MOMENTUM,
    l2=L2,
    max_epochs=10,
    patience_epochs=3,
    min_gain=0.002,
)
BODY_RECIPE = FinetuneRecipe(
    batch_size=BATCH_SIZE,
    momentum=MOMENTUM,
    l2=L2,
    num_cycles=2,
    first_cycle_epochs=1,
    cycle_growth=2,
)


@dataclass(frozen=True, slots=True)
class Settings:
    """Of a range test; see `lradapt.config.params.training.RangeTestParams`."""

    start_lr: float
    end_lr: float
    num_steps: int
    num_sweeps: int


@dataclass(frozen=True, slots=True)
class Cell:
    """A training whose learning rate is searched.

    Attributes:
        name: data set, architecture, part.
        start: a model to train; its random weights depend on the seed.
        groups: layers by depth, with the ratio of their rates.
        training: images of the sweeps.
        train: accuracy on the test images after training at a rate, with a seed.
        test: settings of our sweeps: start_lr, end_lr, num_steps, num_sweeps.
    """

    name: str
    start: Callable[[int], nn.Module]
    groups: Sequence[tuple[LayerGroup, float]]
    training: Examples
    train: Callable[[float, int], float]
    engine: Engine
    test: Settings


def body_weights_of(architecture: str, weights: Path | None) -> dict[str, Any]:
    """Return the body in a file of weights, or a random one, always the same."""
    if weights:
        return body_weights(ARCHITECTURES[architecture], load_file(weights))
    with seeded(0):
        return body_weights(
            ARCHITECTURES[architecture],
            build(ARCHITECTURES[architecture], num_classes=1).state_dict(),
        )


def head_cell(
    name: str, features: Arrays, engine: Engine, settings: Settings
) -> tuple[Cell, Callable[[float, int], nn.Module]]:
    """Return the cell of a new head on cached activations, and a function that trains it."""
    training, validation, test = (
        _activations(features, split) for split in ("fit", "validation", "test")
    )
    num_classes = int(features["train_labels"].max()) + 1

    def start(seed: int) -> nn.Module:
        return new_head(training.activations.shape[-1], num_classes, seed=seed)

    def trained(rate: float, seed: int) -> nn.Module:
        head = start(seed)
        train_head(head, training, validation, engine, HEAD_RECIPE, max_lr=rate, seed=seed)
        return head

    def train(rate: float, seed: int) -> float:
        return score(trained(rate, seed), test, engine).accuracy

    groups = [(LayerGroup(name="head", pattern=""), 1.0)]
    return Cell(name, start, groups, training, train, engine, settings), trained


def network_cell(
    name: str,
    architecture: str,
    pixels: Arrays,
    model: nn.Module,
    flips: tuple[bool, bool],
    settings: Settings,
) -> Cell:
    """Make the cell of a whole network with a trained head: cycles of 1 and 2 epochs.

    Args:
        name: of the cell.
        architecture: of the network.
        pixels: training and test images.
        model: with its trained head.
        flips: whether the random views are flipped, horizontally and vertically.
        settings: of our sweeps.
    """
    engine = start_engine(device="cpu", precision="bf16", threads=torch.get_num_threads())
    model = model.to(memory_format=torch.channels_last)
    layers = ARCHITECTURES[architecture].groups
    views = RandomViews(Augmentation(0.1, 1.1, *flips), 0)
    training, test = _images(pixels, "train", views), _images(pixels, "test", None)
    nothing = PixelExamples(test.pixels[:0], test.labels[:0], test.prepare)

    def start(seed: int) -> nn.Module:
        return copy.deepcopy(model).train()

    def train(rate: float, seed: int) -> float:
        network = start(seed)
        max_lrs = [share * rate for share in RATIO]
        cycles = finetune(
            network,
            training,
            nothing,
            engine,
            BODY_RECIPE,
            layers=layers,
            max_lrs=max_lrs,
            seed=seed,
        )
        for _ in cycles:
            pass
        return score(network, test, engine).accuracy

    groups = list(zip(layers, RATIO, strict=True))
    return Cell(name, start, groups, training, train, engine, settings)


def _activations(features: Arrays, split: str) -> Any:
    labels = torch.from_numpy(features[f"{split}_labels"]).long()
    return ActivationExamples(torch.from_numpy(features[split])[:, None], labels)


def _images(pixels: Arrays, split: str, views: Any) -> Any:
    normalise = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    images = torch.from_numpy(pixels[split])
    labels = torch.from_numpy(pixels[f"{split}_labels"]).long()
    return PixelExamples(images, labels, Preparation(normalise, views))


def activations(architecture: str, body: dict[str, Any], pixels: Arrays) -> Arrays:
    """Compute the output of the body for both splits; a tenth of the training is validation."""
    engine = start_engine(device="cpu", precision="bf16", threads=torch.get_num_threads())
    network = build_body(ARCHITECTURES[architecture], body).to(memory_format=torch.channels_last)
    features: Arrays = {"train_labels": pixels["train_labels"]}
    output = predict_logits(network, _images(pixels, "train", None), engine).numpy()
    order = np.random.default_rng(0).permutation(len(output))
    apart = len(output) // 10
    for split, rows in (("validation", order[:apart]), ("fit", order[apart:])):
        features[split], features[f"{split}_labels"] = output[rows], pixels["train_labels"][rows]
    features["test"] = predict_logits(network, _images(pixels, "test", None), engine).numpy()
    features["test_labels"] = pixels["test_labels"]
    return features
