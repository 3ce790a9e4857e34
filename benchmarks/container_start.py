"""The seconds from the start of a container to its first answer.

    python -m benchmarks.container_start localhost/serve registry photo.jpg

The registry is a folder with a model in production. Each round makes a container anew, starts it,
asks without a pause, and removes it. Measure on a machine with nothing beside.
"""

import os
import shlex
import socket
import subprocess
import time
from pathlib import Path
from typing import Annotated
from urllib.error import URLError
from urllib.request import urlopen

import typer

from benchmarks.measuring import median_range
from benchmarks.program import run
from lradapt.errors import LradaptError

_PAUSE_SECONDS, _MOST_SECONDS = 0.02, 60.0


def start(
    image: Annotated[str, typer.Argument(help="The name of the image.")],
    registry: Annotated[Path, typer.Argument(help="A folder with a model in production.")],
    picture: Annotated[Path, typer.Argument(help="An image file to ask about.")],
    rounds: Annotated[int, typer.Option(min=1)] = 5,
    podman: Annotated[str, typer.Option(help="Its command, perhaps with options.")] = "podman",
) -> None:
    """Measure the time from `podman start` to the first answer, several times."""
    words = shlex.split(podman)
    found = [
        _seconds(words, image, registry.resolve(), picture.read_bytes()) for _ in range(rounds)
    ]
    typer.echo(f"from the start to the first answer: {median_range(found, '.2f')} s")
    typer.echo(f"load of the machine {os.getloadavg()[0]:.1f}")


def _seconds(podman: list[str], image: str, registry: Path, content: bytes) -> float:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = f"serve --host 127.0.0.1 --port {port} --registry /registry".split()
    options = f"--read-only --network host --ulimit host --volume {registry}:/registry:ro".split()
    name = _call(podman, "create", *options, image, *serve)
    try:
        started = time.monotonic()
        _call(podman, "start", name)
        _wait_for_answer(f"http://127.0.0.1:{port}/predict", content, started + _MOST_SECONDS)
        return time.monotonic() - started
    finally:
        _call(podman, "rm", "--force", name)


def _call(podman: list[str], *words: str) -> str:
    """Run podman; return the last line that it prints.

    Raises:
        LradaptError: it has failed.
    """
    done = subprocess.run([*podman, *words], capture_output=True, text=True)
    if done.returncode:
        raise LradaptError(f"{shlex.join([*podman, *words])}: {done.stderr.strip()}")
    return done.stdout.strip().rpartition("\n")[2]


def _wait_for_answer(address: str, content: bytes, until: float) -> None:
    while time.monotonic() < until:
        try:
            with urlopen(address, content):
                return
        except (URLError, ConnectionError):  # not there yet, or without a model
            time.sleep(_PAUSE_SECONDS)
    raise LradaptError(f"{address} gave no answer within {_MOST_SECONDS:g} s")


if __name__ == "__main__":
    run(start)
