"""Pre-training of a body on a set of images, where ImageNet's weights cannot be had."""

from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from lradapt.compute.engine import Engine, seeded
from lradapt.data.labelled_image import LabelledImage, class_names, in_split
from lradapt.networks.architectures import Architecture
from lradapt.networks.classifier import build
from lradapt.networks.normalisation import Normalisation
from lradapt.runtime.files import whole_file
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.batches import steps_per_epoch
from lradapt.training.inputs.batches import training_batches as batches_of
from lradapt.training.inputs.examples import (
    Preparation,
    RandomViews,
    pixel_examples,
)
from lradapt.training.loop import finite, run_epochs, train_steps
from lradapt.training.scoring import Score, score
from lradapt.training.torch_scheduler import CosineCycles

VIEWS = Augmentation(max_shift=0.125, max_zoom=1.2, horizontal_flip=True, vertical_flip=False)
MOMENTUM, L2, LABEL_SMOOTHING, MEMORY_SHARE = 0.9, 5e-4, 0.1, 0.5


def smoothed_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with a tenth of the certainty spread over all classes."""
    return F.cross_entropy(logits, labels, label_smoothing=LABEL_SMOOTHING)


def pretrain(
    architecture: Architecture,
    pixels: Path,
    rows: list[LabelledImage],
    engine: Engine,
    *,
    normalise: Normalisation,
    num_epochs: int,
    batch_size: int,
    max_lr: float,
    into: Path,
) -> Score:
    """Train a network from random weights in one cosine cycle; return its score on the test split.

    Args:
        architecture: of the network.
        pixels: `pixels.npy`.
        rows: of `split.csv`; the network is trained on the training split.
        engine: where to compute.
        normalise: as the body will be used.
        num_epochs: length of the cycle.
        batch_size: images of a step.
        max_lr: at its start, for every layer.
        into: the state dict is written there, safetensors in fp32.
    """
    names, squares = class_names(rows), np.load(pixels, mmap_mode="r")
    with seeded(0):
        model = build(architecture, len(names)).to(engine.device)
    views = RandomViews(VIEWS, seed=0)
    training, test_images = (
        pixel_examples(
            squares,
            in_split(rows, side),
            names,
            engine.device,
            prepare=Preparation(normalise, views, engine.layout),
            memory_share=MEMORY_SHARE,
        )
        for side in ("train", "test")
    )
    num_steps = steps_per_epoch(len(training.labels), batch_size)
    optimizer = torch.optim.SGD(model.parameters(), lr=max_lr, momentum=MOMENTUM, weight_decay=L2)
    batches = batches_of(training, batch_size=batch_size, seed=0)
    cycles = CosineCycles(optimizer, [num_steps * num_epochs])
    model.train()
    steps = finite(train_steps(model, batches, optimizer, cycles, engine, loss=smoothed_loss))
    for _ in islice(run_epochs(model, steps, num_steps, test_images, engine), num_epochs):
        pass
    with whole_file(into) as partial:
        save_file({n: v.cpu().contiguous() for n, v in model.state_dict().items()}, partial)
    return score(model, test_images, engine)
