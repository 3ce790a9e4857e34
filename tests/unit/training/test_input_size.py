"""The input size by held-out losses: where the search ends, and what counts as the best."""

import numpy as np
import pytest
import torch
from torch import nn

from lradapt.compute.engine import Engine
from lradapt.networks.normalisation import Normalisation
from lradapt.training import input_size
from lradapt.training.input_size import FrozenReader, TriedSize, best_size, try_sizes

LABELS = torch.arange(30) % 3


def tried(*pairs):
    return [TriedSize(size, loss) for size, loss in pairs]


def squares(*sizes):
    return {size: np.zeros((len(LABELS), size, size, 3), np.uint8) for size in sizes}


@pytest.fixture
def losses(monkeypatch):
    """A function: from then on, features of a width have this loss."""

    def stand_in(by_width):
        monkeypatch.setattr(
            input_size, "held_out_loss", lambda features, *_: by_width[features.shape[1]]
        )

    return stand_in


def wide(pixels):
    return torch.zeros(len(pixels), pixels.shape[1])


@pytest.mark.parametrize(
    ("by_size", "expected"),
    [
        ({8: 2.0, 16: 1.0, 24: 1.051, 32: 0.5}, [8, 16, 24]),
        ({8: 2.0, 16: 1.0, 24: 1.05, 32: 0.5}, [8, 16, 24, 32]),
        ({8: 1.0, 16: 1.2, 24: 0.1}, [8, 16]),
    ],
)
def test_the_search_ends_where_a_size_is_a_twentieth_worse(losses, by_size, expected):
    losses(by_size)
    found = try_sizes(squares(*reversed(by_size)), LABELS, range(30), wide)
    assert found == tried(*((size, by_size[size]) for size in expected))


def test_classes_of_one_group_are_not_tried():
    assert try_sizes(squares(8, 16), LABELS, LABELS.tolist(), wide) == []


def test_the_size_is_the_smallest_whose_loss_is_as_good():
    assert best_size(tried((24, 1.03), (32, 1.02), (48, 1.0), (64, 1.04))).size == 32
    assert best_size(tried((24, 1.03), (32, 1.021), (48, 1.0), (64, 0.99))).size == 48


def test_a_size_at_which_the_classes_can_be_told_apart_wins():
    """Classes differ in single columns, which a resize to half the width would mix."""
    random = np.random.default_rng(0)
    fine = random.integers(0, 40, (90, 8, 8, 3), dtype=np.uint8)
    labels = torch.arange(90) % 2
    fine[labels == 1, :, ::2] += 100
    fine[labels == 0, :, 1::2] += 100
    coarse = fine.reshape(90, 4, 2, 4, 2, 3).mean((2, 4)).astype(np.uint8)
    reader = FrozenReader(
        nn.Flatten(), Engine(torch.device("cpu"), "fp32"), Normalisation((0.5,) * 3, (0.5,) * 3)
    )
    found = try_sizes({4: coarse, 8: fine}, labels, range(90), reader)
    assert best_size(found).size == 8
    assert found[0].loss > 0.5 > found[1].loss


def test_the_activations_are_those_of_the_normalised_images(monkeypatch):
    monkeypatch.setattr(input_size, "_AT_ONCE", 4)
    mean, deviation = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    pixels = np.random.default_rng(0).integers(0, 256, (10, 6, 6, 3), dtype=np.uint8)
    reader = FrozenReader(
        nn.Flatten(), Engine(torch.device("cpu"), "fp32"), Normalisation(mean, deviation)
    )
    expected = (pixels / 255 - mean) / deviation
    torch.testing.assert_close(
        reader(pixels), torch.tensor(expected.transpose(0, 3, 1, 2).reshape(10, -1)).float()
    )
