"""Networks with random weights in a registry, and pictures of noise, to measure serving."""

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lradapt.registry import open_registry

if TYPE_CHECKING:
    from torch import nn

_NUM_IMAGES = 32
_CLASSES = [f"class {number}" for number in range(7)]


def release(architecture: str, size: int, folder: Path) -> str:
    """Publish and promote a network in the registry of a folder; return the version.

    Args:
        architecture: of torchvision, or "small".
        size: side of its square, in pixels.
        folder: that gets `registry/`.
    """
    registry = open_registry(str(folder / "registry"))
    version = publish(architecture, size, folder)
    over = registry.production()
    registry.promote(version, over=over, kind="promotion", reason="a benchmark", by="me", at="now")
    return version


def publish(architecture: str, size: int, folder: Path) -> str:
    """Publish a network that is not in production, with weights of its own; return the version."""
    from lradapt.data.images.decode import Preprocessing
    from lradapt.networks.normalisation import Normalisation
    from lradapt.networks.onnx_export import Deployed, export_onnx

    normalisation = Normalisation((0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
    export_onnx(
        Deployed(_network(architecture), normalisation, 1.0),
        folder / "model.onnx",
        class_names=_CLASSES,
        architecture=architecture,
        preprocessing=Preprocessing(size, 10),
    )
    files = {"model.onnx": (folder / "model.onnx").read_bytes(), "trained_on.csv": b""}
    return open_registry(str(folder / "registry")).publish(files, {})


def _network(architecture: str) -> "nn.Module":
    import torchvision
    from torch import nn

    if architecture != "small":
        network: nn.Module = torchvision.models.get_model(architecture, num_classes=len(_CLASSES))
        return network
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, len(_CLASSES)),
    )


def pictures(size: int) -> list[bytes]:
    """Return JPEG files of 600 x 450 pixels, or of the size of the model if that is small."""
    numbers = np.random.default_rng(0)
    shape = (450, 600, 3) if size > 100 else (size, size, 3)
    return [_jpeg(numbers.integers(0, 256, shape, dtype=np.uint8)) for _ in range(_NUM_IMAGES)]


def _jpeg(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=60)
    return content.getvalue()
