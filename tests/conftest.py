"""What tests share: small real images, and a guard against the settings of whoever runs them."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(autouse=True)
def _no_foreign_settings(monkeypatch):
    """A Prefect server or an environment of the person's own must not reach the tests."""
    for name in [name for name in os.environ if name.startswith("PREFECT_API")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shared():
    """The folder of image sets for measuring, which only the developers have."""
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is absent: it holds the image sets for measuring")
    return SHARED


@pytest.fixture
def random_image():
    """A function that makes a picture of random pixels, the same for the same seed."""

    def make(seed, size=(20, 16)):
        width, height = size
        pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    return make
