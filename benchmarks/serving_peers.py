"""`lradapt serve` beside itself with a challenger in shadow mode, and beside LitServe.

    pip install --target litserve --no-deps litserve pyzmq uvloop httptools
    python -m benchmarks.serving_peers --litserve litserve --clients 1 --clients 4

The servers run beside each other with the same model, and the same clients load one after the other
in rounds. CPU is of all processes of a server, but for the challenger, which gets the time that is
left over: it has a line of its own.
"""

import json
import os
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.endpoint import Server, predict_request, serving
from benchmarks.program import run
from benchmarks.random_release import pictures, publish, release
from benchmarks.serving import LoadSeconds, print_loads, put_loads

_SERVE = (sys.executable, "-m", "lradapt", "serve", "--max-waiting", "1000")  # LitServe has none
_LITSERVE = (sys.executable, "-m", "benchmarks.litserve_server")


def peers(
    litserve: Annotated[
        Path | None, typer.Option(help="The folder that has LitServe; without it, no LitServe.")
    ] = None,
    architecture: Annotated[str, typer.Option(help="Of torchvision, or small.")] = "resnet18",
    size: Annotated[int, typer.Option(help="Side of the square, in pixels.")] = 224,
    clients: Annotated[list[int], typer.Option(help="That ask at once. Repeatable.")] = [1, 16],  # noqa: B006
    rounds: Annotated[int, typer.Option(help="In each, every server is loaded once.")] = 5,
    seconds: LoadSeconds = 3.0,
) -> None:
    """Measure rates and CPU of all servers, for each number of clients."""
    requests = [predict_request(content) for content in pictures(size)]
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        release(architecture, size, folder)
        challenger = publish(architecture, size, folder)
        commands = {"lradapt": _SERVE, "with --shadow": (*_SERVE, "--shadow", challenger)}
        servers = {
            title: stack.enter_context(serving(words, folder)) for title, words in commands.items()
        }
        if litserve:
            servers |= {
                f"LitServe, batches of {batch}": stack.enter_context(
                    serving((*_LITSERVE, "--batch", str(batch)), folder, _environment(litserve))
                )
                for batch in (1, 8)
            }
        for count in clients:
            typer.echo(f"\n{count} client(s)")
            print_loads(put_loads(servers, requests, count, rounds, seconds))
            typer.echo(f"compared in shadow mode so far: {_compared(servers['with --shadow'])}")


def _environment(litserve: Path) -> dict[str, str]:
    """Return the environment in which LitServe and this repository can be imported."""
    here = Path(__file__).parents[1]
    present = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(litserve.resolve()), str(here), present]),
    }


def _compared(server: Server) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/shadow") as answer:
        found = json.load(answer)
    return f"{found['images']:,} images, {found['dropped']:,} dropped"


if __name__ == "__main__":
    run(peers)
