"""Start Prefect's server and UI on this machine, for this project alone."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from flows.program import run, session
from lradapt.cli.options import Debug
from lradapt.cli.output import console
from tasks.server import access

HOST = "127.0.0.1"
LEASES = "prefect.server.concurrency.lease_storage.filesystem"
"""In files, so that a server that starts again still knows who holds the GPU."""


def environment(project: Path, port: int) -> dict[str, str]:
    """Return the settings of the server; only its own pages may use it from a browser."""
    origins = [f"http://{host}:{port}" for host in (HOST, "localhost")]
    return {
        "PREFECT_HOME": str(project / ".prefect"),
        "PREFECT_SERVER_UI_API_URL": f"http://{HOST}:{port}/api",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES,
        **access.for_own_server(project, *origins),
    }


def command(port: int) -> list[str]:
    """Return the command of the server."""
    words = ("server", "start", "--host", HOST, "--port", str(port))
    return [sys.executable, "-m", "prefect", *words]


def _without_a_server(present: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which the server does not take itself for another's client."""
    return {name: value for name, value in present.items() if name != "PREFECT_API_URL"}


def main(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Of the server and the UI.")] = 4200,
    debug: Debug = False,
) -> None:
    """Start Prefect's server and UI on this machine.

    Prints where it is, and the file with the auth string that the UI asks for; every
    program of this project gives it by itself. `make ui` calls this.
    """
    with session(debug=debug):
        settings = environment(Path.cwd(), port)
        console(stderr=True).print(
            f"http://{HOST}:{port} asks for what is in {access.FILE}: `cat {access.FILE}`"
        )
        words = command(port)
        os.execve(words[0], words, {**_without_a_server(os.environ), **settings})


if __name__ == "__main__":
    run(main, "python -m flows.ui", "python -m flows.ui --port 4300")
