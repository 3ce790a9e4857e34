"""What recording costs an endpoint: its rate with `--record`, with images too, and without.

    python -m benchmarks.recording --architecture resnet18 --size 224
    python -m benchmarks.recording --architecture small --size 28

Three servers run beside each other, and the same clients load one after the other for some seconds,
in many rounds: so other work on the machine meets all of them. The model has random weights; the
images are noise, as JPEG of 600 x 450 pixels, or of the size of the model if that is small.
"""

import io
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.endpoint import predict_request, serving
from benchmarks.program import run
from benchmarks.serving import print_loads, put_loads
from lradapt.registry import open_registry

if TYPE_CHECKING:
    from torch import nn

_NUM_IMAGES = 32
_CLASSES = [f"class {number}" for number in range(7)]
_SERVE = (sys.executable, "-m", "lradapt", "serve")
_SERVERS = {
    "without": [],
    "with --record": ["--record", "record"],
    "with --record-images": ["--record", "with_images", "--record-images"],
}


def recording(
    architecture: Annotated[str, typer.Option(help="Of torchvision, or small.")] = "resnet18",
    size: Annotated[int, typer.Option(help="Side of the square, in pixels.")] = 224,
    clients: Annotated[int, typer.Option(help="That ask at the same time.")] = 16,
    rounds: Annotated[int, typer.Option(help="In each, every server is loaded once.")] = 9,
    seconds: Annotated[float, typer.Option(help="Of each load.")] = 2.0,
) -> None:
    """Measure the rates of a server that records, and of one that does not."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        _release(architecture, size, folder)
        servers = {
            title: stack.enter_context(serving([*_SERVE, *options], folder))
            for title, options in _SERVERS.items()
        }
        requests = [predict_request(content) for content in _pictures(size)]
        print_loads(put_loads(servers, requests, clients, rounds, seconds))


def _release(architecture: str, size: int, folder: Path) -> None:
    """Publish and promote a network with random weights."""
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
    registry = open_registry(str(folder / "registry"))
    files = {"model.onnx": (folder / "model.onnx").read_bytes(), "trained_on.csv": b""}
    version = registry.publish(files, {})
    registry.promote(version, over=None, kind="promotion", reason="a benchmark", by="me", at="now")


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


def _pictures(size: int) -> list[bytes]:
    numbers = np.random.default_rng(0)
    shape = (450, 600, 3) if size > 100 else (size, size, 3)
    return [_jpeg(numbers.integers(0, 256, shape, dtype=np.uint8)) for _ in range(_NUM_IMAGES)]


def _jpeg(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "JPEG", quality=60)
    return content.getvalue()


if __name__ == "__main__":
    run(recording)
