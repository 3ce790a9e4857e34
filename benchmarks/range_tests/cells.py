"""A cell: a data set, an architecture and a part of the network, of which the rate is asked."""

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
from lradapt.networks.classifier import body_weights, build, build_body, build_classifier
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
"""Of the rates by depth, as in params.yaml."""
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
class Cell:
    """One question: at what rate is this to be trained?

    Attributes:
        name: data set, architecture, part.
        start: a model to train; its random weights depend on the seed.
        groups: layers by depth, with the ratio of their rates.
        training: what the sweeps train on.
        train: accuracy on the test images after training at a rate, with a seed.
        test: settings of our sweeps: start_lr, end_lr, num_steps, num_sweeps.
    """

    name: str
    start: "Callable[[int], nn.Module]"
    groups: "Sequence[tuple[LayerGroup, float]]"
    training: "Examples"
    train: Callable[[float, int], float]
    engine: "Engine"
    test: "Settings"


@dataclass(frozen=True, slots=True)
class Settings:
    """Of a range test; see `lradapt.config.params.training.RangeTestParams`."""

    start_lr: float
    end_lr: float
    num_steps: int
    num_sweeps: int


HEAD_TEST = Settings(1e-4, 10.0, 100, 5)
BODY_TEST = Settings(1e-3, 10.0, 50, 2)


def body_weights_of(architecture: str, weights: Path | None) -> "dict[str, Any]":
    """The body in a file of weights, or a random one, always the same."""
    if weights:
        return body_weights(ARCHITECTURES[architecture], load_file(weights))
    with seeded(0):
        return body_weights(
            ARCHITECTURES[architecture],
            build(ARCHITECTURES[architecture], num_classes=1).state_dict(),
        )


def head_cell(
    name: str, features: Arrays, engine: "Engine", settings: Settings = HEAD_TEST
) -> tuple[Cell, "Callable[[float, int], nn.Module]"]:
    """The cell of a new head on cached activations, and what trains that head."""
    training, validation, test = (
        _activations(features, side) for side in ("fit", "validation", "test")
    )
    num_classes = int(features["train_labels"].max()) + 1

    def start(seed: int) -> "nn.Module":
        return new_head(training.activations.shape[-1], num_classes, seed=seed)

    def trained(rate: float, seed: int) -> "nn.Module":
        head = start(seed)
        train_head(
            head,
            training,
            validation,
            engine,
            HEAD_RECIPE,
            max_lr=rate,
            seed=seed,
        )
        return head

    def train(rate: float, seed: int) -> float:
        return score(trained(rate, seed), test, engine).accuracy

    groups = [(LayerGroup(name="head", pattern=""), 1.0)]
    return Cell(name, start, groups, training, train, engine, settings), trained


def body_cell(
    name: str,
    architecture: str,
    pixels: Arrays,
    model: "nn.Module",
    engine: "Engine",
    *,
    flips: tuple[bool, bool],
    settings: Settings = BODY_TEST,
) -> Cell:
    """The cell of a whole network under a trained head: cycles of 1 and 2 epochs."""
    layers = ARCHITECTURES[architecture].groups
    views = RandomViews(Augmentation(0.1, 1.1, *flips), 0)
    training, test = _images(pixels, "train", views), _images(pixels, "test", None)
    nothing = PixelExamples(test.pixels[:0], test.labels[:0], test.prepare)

    def start(seed: int) -> "nn.Module":
        return copy.deepcopy(model).train()

    def train(rate: float, seed: int) -> float:
        network = start(seed)
        cycles = finetune(
            network,
            training,
            nothing,
            engine,
            BODY_RECIPE,
            layers=layers,
            max_lrs=[share * rate for share in RATIO],
            seed=seed,
        )
        for _ in cycles:
            pass
        return score(network, test, engine).accuracy

    groups = list(zip(layers, RATIO, strict=True))
    return Cell(name, start, groups, training, train, engine, settings)


def _activations(features: Arrays, side: str) -> Any:

    labels = torch.from_numpy(features[f"{side}_labels"]).long()
    return ActivationExamples(torch.from_numpy(features[side])[:, None], labels)


def _images(pixels: Arrays, side: str, views: Any) -> Any:

    normalise = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    images = torch.from_numpy(pixels[side])
    labels = torch.from_numpy(pixels[f"{side}_labels"]).long()
    return PixelExamples(images, labels, Preparation(normalise, views))


def activations(architecture: str, body: "dict[str, Any]", pixels: Arrays) -> Arrays:
    """The body's output for both sides, a tenth of the training split set apart as `validation`."""
    engine = start_engine(device="cpu", precision="bf16", threads=torch.get_num_threads())
    network = build_body(ARCHITECTURES[architecture], body).to(memory_format=torch.channels_last)
    features: Arrays = {"train_labels": pixels["train_labels"]}
    output = predict_logits(network, _images(pixels, "train", None), engine).numpy()
    order = np.random.default_rng(0).permutation(len(output))
    apart = len(output) // 10
    for side, rows in (("validation", order[:apart]), ("fit", order[apart:])):
        features[side], features[f"{side}_labels"] = output[rows], pixels["train_labels"][rows]
    features["test"] = predict_logits(network, _images(pixels, "test", None), engine).numpy()
    features["test_labels"] = pixels["test_labels"]
    return features


def whole_network(
    name: str,
    data: str,
    architecture: str,
    pixels: Arrays,
    body: dict[str, Any],
    head: dict[str, Any],
    settings: Settings,
) -> Cell:
    """The cell of a whole network, from its body and a trained head."""
    engine = start_engine(device="cpu", precision="bf16", threads=torch.get_num_threads())
    network = build_classifier(ARCHITECTURES[architecture], body, head)
    network = network.to(memory_format=torch.channels_last)
    flips = (data != "digits", data == "ham10000")
    return body_cell(name, architecture, pixels, network, engine, flips=flips, settings=settings)
