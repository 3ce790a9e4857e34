"""Start a worker of a work pool of this project."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.deploy import PROJECT, require_server
from flows.program import run, session
from lradapt.cli.options import Debug
from lradapt.config.project_name import own


def main(
    pool: Annotated[str, typer.Option(help="The work pool of this project: gpu or cpu.")] = "gpu",
    debug: Debug = False,
) -> None:
    """Start a worker: it runs what Prefect's server schedules in a work pool of this project.

    PREFECT_API_URL names the server. Ends with Ctrl-C. `make worker` calls this.
    """
    with session(debug=debug):
        require_server()
        words = [sys.executable, "-m", "prefect", "worker", "start", "--pool", own(pool)]
        os.execve(words[0], words, {**os.environ, PROJECT: str(Path.cwd())})


if __name__ == "__main__":
    run(main, "PREFECT_API_URL=http://127.0.0.1:4200/api python -m flows.worker --pool cpu")
