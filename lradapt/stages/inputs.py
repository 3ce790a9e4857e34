"""Inputs that several stages build from params and files: the images of a split, the network."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors.torch import load_file
from torch import nn

from lradapt.compute.engine import Engine
from lradapt.config.params import Params
from lradapt.data.labelled_image import LabelledImage, class_names, in_split
from lradapt.networks.architectures import Architecture
from lradapt.networks.backbone import read_backbone
from lradapt.networks.classifier import build_classifier
from lradapt.networks.normalisation import Normalisation
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.examples import (
    PixelExamples,
    Preparation,
    RandomViews,
    StreamedExamples,
    pixel_examples,
)


def split_examples(
    split: str, params: Params, rows: Sequence[LabelledImage], pixels: Path, engine: Engine
) -> PixelExamples | StreamedExamples:
    """Prepare the images of one split: `train` in random views, the others in clean ones.

    The rows of all splits number the classes.
    """
    sharers = engine.processes.size if engine.device.type == "cpu" else 1  # of one memory
    views = RandomViews(Augmentation(**params.augment.model_dump()), params.seed)
    return pixel_examples(
        np.load(pixels, mmap_mode="r"),
        in_split(rows, split),
        class_names(rows),
        engine.device,
        prepare=Preparation(
            Normalisation(params.data.mean, params.data.deviation),
            views if split == "train" else None,
            engine.layout,
        ),
        memory_share=params.data.memory_share / sharers,
    )


def read_classifier(architecture: Architecture, backbone: Path, head: Path) -> nn.Module:
    """Build the network from the body and the head in two files, on the CPU.

    Raises:
        WeightsError: the body is of another architecture.
    """
    return build_classifier(architecture, read_backbone(backbone, architecture), load_file(head))
