"""What recording costs an endpoint: its rate with `--record`, with images too, and without.

    python -m benchmarks.recording --architecture resnet18 --size 224
    python -m benchmarks.recording --architecture small --size 28

Three servers run beside each other, and the same clients load one after the other for some seconds,
in many rounds: so other work on the machine meets all of them. The model has random weights; the
images are noise, as JPEG of 600 x 450 pixels, or of the size of the model if that is small.
"""

import http.client
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from PIL import Image

from benchmarks.measuring import interleaved, median_range
from benchmarks.program import run
from lradapt.registry import open_registry

if TYPE_CHECKING:
    from torch import nn

_NUM_IMAGES = 32
_START_SECONDS = 60
_WRITTEN_SECONDS = 0.5  # for what still waits, whose work counts too
_CLASSES = [f"class {number}" for number in range(7)]
_SERVERS = {
    "without": [],
    "with --record": ["--record", "record"],
    "with --record-images": ["--record", "with_images", "--record-images"],
}


@dataclass(frozen=True, slots=True)
class Load:
    """The answers of some seconds.

    Attributes:
        rate: images in a second.
        cpu: of the server, milliseconds for an image; other work changes it less than the rate.
        slowest: 99 % of the answers took at most so many seconds.
    """

    rate: float
    cpu: float
    slowest: float


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    port: int
    process: int


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
        pictures = _pictures(size)
        servers = {
            title: stack.enter_context(_server(folder, options))
            for title, options in _SERVERS.items()
        }
        for server in servers.values():
            _load(server, pictures, clients, 1.0)
        measures = {
            title: _measure(server, pictures, clients, seconds) for title, server in servers.items()
        }
        found = interleaved(measures, rounds)
        _print(found, {title: _health(server.port) for title, server in servers.items()})


def _measure(
    server: Server, pictures: Sequence[bytes], clients: int, seconds: float
) -> Callable[[], Load]:
    return lambda: _load(server, pictures, clients, seconds)


def _print(found: dict[str, list[Load]], states: dict[str, dict[str, object]]) -> None:
    base = found["without"]
    for title, loads in found.items():
        ratios = [load.rate / other.rate for load, other in zip(loads, base, strict=True)]
        typer.echo(
            f"{title}: {median_range((load.rate for load in loads), '.1f')} images/s, "
            f"CPU {median_range((load.cpu for load in loads), '.2f')} ms each, "
            f"p99 {1000 * median(load.slowest for load in loads):.0f} ms, "
            f"share {median_range(ratios, '.3f')}; {states[title].get('record', '')}"
        )
    typer.echo(f"load of the machine {os.getloadavg()[0]:.1f}")


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


@contextmanager
def _server(folder: Path, options: Sequence[str]) -> Iterator[Server]:
    """Run a server in the block."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [sys.executable, "-m", "lradapt", "serve", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    try:
        _wait(port)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            _health(port)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


def _health(port: int) -> dict[str, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/health")
    found: dict[str, object] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def _load(server: Server, pictures: Sequence[bytes], clients: int, seconds: float) -> Load:
    """Ask for some seconds, each client without a pause."""
    cpu = _cpu_seconds(server.process)
    taken: list[float] = []
    end = time.perf_counter() + seconds

    def ask(first: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        number = first
        while time.perf_counter() < end:
            start = time.perf_counter()
            connection.request("POST", "/predict", pictures[number % len(pictures)])
            answer = connection.getresponse()
            answer.read()
            assert answer.status == http.HTTPStatus.OK, answer.status
            taken.append(time.perf_counter() - start)
            number += 1
        connection.close()

    start = time.perf_counter()
    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rate = len(taken) / (time.perf_counter() - start)
    time.sleep(_WRITTEN_SECONDS)
    used = 1000 * (_cpu_seconds(server.process) - cpu) / len(taken)
    return Load(rate, used, float(np.percentile(taken, 99)))


def _cpu_seconds(process: int) -> float:
    """Return what a process has used of the CPU (Linux)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    run(recording)
