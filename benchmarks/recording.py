"""What recording costs an endpoint: its rate with `--record`, with images too, and without.

    python -m benchmarks.recording --architecture resnet18 --size 224
    python -m benchmarks.recording --architecture small --size 28

Three servers run beside each other, and the same clients load one after the other for some seconds,
in many rounds: so other work on the machine meets all of them. The model has random weights; the
images are noise, as JPEG of 600 x 450 pixels, or of the size of the model if that is small.
"""

import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.endpoint import predict_request, serving
from benchmarks.program import run
from benchmarks.random_release import pictures, release
from benchmarks.serving import LoadSeconds, print_loads, put_loads

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
    seconds: LoadSeconds = 2.0,
) -> None:
    """Measure the rates of a server that records, and of one that does not."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        release(architecture, size, folder)
        servers = {
            title: stack.enter_context(serving([*_SERVE, *options], folder))
            for title, options in _SERVERS.items()
        }
        requests = [predict_request(content) for content in pictures(size)]
        print_loads(put_loads(servers, requests, clients, rounds, seconds))


if __name__ == "__main__":
    run(recording)
