"""Small training problems that a linear layer solves in a second."""

import numpy as np
import pytest
import torch

from lradapt.batches import ActivationExamples
from lradapt.engine import start_engine


@pytest.fixture
def engine():
    """One thread of the CPU, in fp32."""
    return start_engine(device="cpu", precision="fp32", threads=1)


@pytest.fixture
def blobs():
    """A function: `num` points of three separable classes in 8 dimensions, one view of each."""

    def make(num, seed=0, spread=1.0):
        random = np.random.default_rng(seed)
        labels = np.arange(num) % 3
        centres = np.random.default_rng(99).normal(size=(3, 8)) * 2
        points = centres[labels] + random.normal(size=(num, 8)) * spread
        return ActivationExamples(
            torch.tensor(points, dtype=torch.float32)[:, None],
            torch.tensor(labels, dtype=torch.int64),
        )

    return make
