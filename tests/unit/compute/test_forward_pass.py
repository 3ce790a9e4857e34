"""How many images a forward pass takes at once."""

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.compute.engine import start_engine
from lradapt.compute.forward_pass import images_at_once
from lradapt.networks.normalisation import Normalisation
from lradapt.networks.onnx_export import Deployed, probabilities
from lradapt.training.inputs.examples import (
    ActivationExamples,
    PixelExamples,
    Preparation,
    StreamedExamples,
)
from lradapt.training.inputs.mapped_rows import MappedRows
from lradapt.training.scoring import predict_logits

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


class Counting(nn.Module):
    """The mean colour; keeps how many images it was given at once."""

    def __init__(self):
        super().__init__()
        self.at_once = []

    def forward(self, images):
        self.at_once.append(len(images))
        return images.mean(dim=(2, 3))


def test_large_images_are_scored_a_few_at_once():
    pixels, model = torch.zeros(70, 224, 224, 3, dtype=torch.uint8), Counting()
    examples = PixelExamples(pixels, torch.zeros(70, dtype=torch.int64), PREPARE)
    engine = start_engine(device="cpu", precision="fp32", threads=1, memory_format="channels_last")
    assert predict_logits(model, examples, engine).shape == (70, 3)
    assert model.at_once == [64, 6]


def test_the_reference_of_an_export_takes_large_images_a_few_at_once():
    model = Counting()
    deployed = Deployed(model, Normalisation((0.5,) * 3, (0.5,) * 3), 1.0)
    assert probabilities(deployed, np.zeros((70, 224, 224, 3), np.uint8)).shape == (70, 3)
    assert model.at_once == [64, 6]
