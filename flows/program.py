"""A flow as a program: its command line, its output, its end, and the server that it needs."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import typer
from prefect.client.orchestration import get_client
from prefect.settings import PREFECT_API_URL

from flows import own_server
from lradapt.cli import error_exit, exit_codes
from lradapt.cli.flows import COMMAND
from lradapt.cli.help import epilog
from lradapt.cli.program import run_program
from lradapt.config.params import load_params
from lradapt.config.paths import read_paths
from lradapt.errors import LradaptError
from tasks.processes import ending
from tasks.server import access


def run(main: Callable[..., None], *examples: str) -> None:
    """Run `main` with the arguments of the command line; its help shows the examples.

    A program that `lradapt retrain` has started shows that command in its help.
    """
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    module = f"python -m flows.{Path(sys.argv[0]).stem}"
    command = os.environ.pop(COMMAND, module)
    app.command(epilog=epilog(*(each.replace(module, command) for each in examples)))(main)
    try:
        run_program(app, prog_name=command)
    except SystemExit as ended:
        ending.end(ending.exit_code(ended))


@contextmanager
def session(*, debug: bool = False) -> Iterator[None]:
    """Print lradapt's messages only, and end the program after an error or SIGTERM.

    For messages and exit codes see `lradapt.cli.error_exit`. A server that Prefect has started
    for this program ends with it.
    """
    for handler in logging.getLogger().handlers:  # Prefect's; its UI shows its own messages
        handler.addFilter(lambda record: record.name.startswith("lradapt"))
        handler.setFormatter(logging.Formatter("%(message)s"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(exit_codes.TERMINATED))
    with error_exit.exit_on_error(debug=debug), lost_server_as_error():
        yield


@contextmanager
def lost_server_as_error() -> Iterator[None]:
    """Turn an error of the requests to Prefect's server into one message.

    Raises:
        LradaptError: the server does not answer any more, or refuses a request.
    """
    try:
        yield
    except httpx.HTTPError as error:
        raise LradaptError(
            f"Prefect's server gave no usable answer ({type(error).__name__}: {error}), so this "
            "run stopped before its end. What its stages have made is kept: run it again, and it "
            "goes on from there"
        ) from error


def require_project() -> None:
    """Check the files of the project, before a server is started.

    Raises:
        LradaptError: this is not the project's folder, or dvc.yaml or params.yaml has faults.
    """
    read_paths()
    load_params()


def start_server() -> None:
    """Start the temporary server of Prefect if no other is set, and protect it from Ctrl-C.

    A terminal sends Ctrl-C to all its processes. If the server received it, the run would try for
    a minute and a half to report its own end. It ends with this program, also after kill -9.

    Raises:
        LradaptError: no server answers.
    """
    fault: Exception | None
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits it
    try:
        if PREFECT_API_URL.value():
            own_server.discard()
        else:
            own_server.start()
        fault = _health()
    except RuntimeError as error:
        fault = error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)
    if fault:
        url = os.environ.get("PREFECT_API_URL", "")
        raise LradaptError(
            f"no server of Prefect answers{' at ' if url else ''}{url}: {fault}. `make ui` starts "
            "one. Without PREFECT_API_URL, a flow starts its own; on a busy machine that can fail "
            "for lack of time"
        ) from fault
    require_access()


def _health() -> Exception | None:
    with get_client(sync_client=True) as client:
        return client.api_healthcheck()


def require_access() -> None:
    """Check that the server accepts the auth string of this project.

    Raises:
        LradaptError: it does not.
    """
    with get_client(sync_client=True) as client:
        try:
            client.hello()
        except httpx.HTTPStatusError as error:
            if error.response.status_code not in (401, 403):
                raise
            raise LradaptError(
                f"the server at {client.api_url} asks for another auth string: that of the "
                f"project in which it was started, from its file {access.FILE}; copy the file "
                "here, or set PREFECT_API_AUTH_STRING"
            ) from error
