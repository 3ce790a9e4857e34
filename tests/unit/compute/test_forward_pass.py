"""How many images a forward pass takes at once."""

import numpy as np
import pytest
import torch

from lradapt.compute.forward_pass import images_at_once
from lradapt.networks.normalisation import Normalisation
from lradapt.training.inputs.examples import (
    ActivationExamples,
    PixelExamples,
    Preparation,
    StreamedExamples,
)
from lradapt.training.inputs.mapped_rows import MappedRows

LABELS = torch.zeros(2, dtype=torch.int64)
PREPARE = Preparation(Normalisation((0.5,) * 3, (0.5,) * 3))


@pytest.mark.parametrize(
    ("side", "most", "number"),
    [
        (24, 512, 512),
        (64, 512, 512),
        (90, 512, 512),
        (91, 512, 256),
        (128, 256, 256),
        (160, 512, 128),
        (224, 512, 64),
        (2048, 512, 1),
        (9000, 512, 1),
    ],
)
def test_larger_squares_are_fewer(side, most, number):
    assert images_at_once(side, most) == number


@pytest.mark.parametrize(("side", "number"), [(24, 512), (224, 64)])
def test_examples_of_pixels_say_how_many_fit_wherever_they_lie(side, number):
    pixels = np.zeros((2, side, side, 3), dtype=np.uint8)
    mapped = MappedRows(pixels, np.arange(2), torch.device("cpu"))
    assert PixelExamples(torch.from_numpy(pixels), LABELS, PREPARE).at_once == number
    assert StreamedExamples(mapped, LABELS, PREPARE).at_once == number


def test_activations_are_small_whatever_the_images_were():
    assert ActivationExamples(torch.zeros(2, 1, 4000), LABELS).at_once == 512
