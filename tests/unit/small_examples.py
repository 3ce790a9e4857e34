"""Small random pictures as the examples of a training."""

import numpy as np
import torch

from lradapt.data.labelled_image import LabelledImage
from lradapt.networks.normalisation import Normalisation
from lradapt.training.inputs.augment import Augmentation
from lradapt.training.inputs.batches import Wanted
from lradapt.training.inputs.examples import (
    Preparation,
    RandomViews,
    pixel_examples,
)

NORMALISE = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SHAKE = Augmentation(0.1, 1.2, True, True)


def rows(labels):
    return [
        LabelledImage(f"{n}.png", label, "", "train", str(n), n) for n, label in enumerate(labels)
    ]


def pictures(count=6, size=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def examples(pixels, labels=None, *, memory_share=0.5, seed=0):
    labels = labels or ["a"] * len(pixels)
    return pixel_examples(
        pixels,
        rows(labels),
        sorted(set(labels)),
        torch.device("cpu"),
        prepare=Preparation(NORMALISE, RandomViews(SHAKE, seed)),
        memory_share=memory_share,
    )


def batch(some, indices, step):
    """The inputs and labels of some examples; `step` selects their random views."""
    return next(some.batches([Wanted(indices, step)]))
