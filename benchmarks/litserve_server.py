"""The model in production served by LitServe: a peer of `lradapt serve`, with the same decoding.

    PYTHONPATH=FOLDER python -m benchmarks.litserve_server --batch 1 --port 8000

FOLDER is that of `pip install --target FOLDER --no-deps litserve pyzmq uvloop httptools`. It gives
class and probabilities, as lradapt does, without limits, tokens, metrics or a second version.
"""

from typing import Annotated, Any

import litserve
import numpy as np
import typer
from fastapi import Body

from benchmarks.program import run
from lradapt.data.images.decode import Pixels, preprocess
from lradapt.inference.answers import Probabilities
from lradapt.registry import open_registry
from lradapt.serving.answers import named
from lradapt.serving.live_model import LiveModel


class Classifier(litserve.LitAPI):  # type: ignore[misc]  # mypy does not read it
    """The API of one worker."""

    def setup(self, device: str) -> None:
        """Load the model, with one thread, as `lradapt serve` does."""
        self.model = LiveModel(open_registry("registry"), threads=1).current().model

    def decode_request(self, request: Annotated[bytes, Body()]) -> Pixels:
        """Return the square of the file in a body."""
        return preprocess(request, self.model.preprocessing)

    def batch(self, inputs: list[Pixels]) -> Pixels:
        """Return the squares of several requests as one array."""
        return np.stack(inputs)

    def predict(self, x: Pixels) -> Probabilities:
        """Return the probabilities of one square, or of a batch."""
        squares = x if x.ndim == 4 else x[None]
        return self.model.answers(squares, with_features=False).probabilities

    def unbatch(self, output: Probabilities) -> list[Probabilities]:
        """Return the probabilities of each request of a batch."""
        return list(output[:, None])

    def encode_response(self, output: Probabilities) -> dict[str, Any]:
        """Return the answer to a request."""
        return {"predictions": [named(self.model, output[0].tolist())]}


def serve(
    port: Annotated[int, typer.Option()] = 8000,
    batch: Annotated[int, typer.Option(help="Requests that are classified together.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes with a model.")] = 2,
) -> None:
    """Serve the model of the folder `registry`."""
    api = Classifier(max_batch_size=batch, batch_timeout=0.01 if batch > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", devices=1, workers_per_device=workers)
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    run(serve)
