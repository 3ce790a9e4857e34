"""A flow as a program: its command line, its output, its end, and the server that it needs."""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from prefect.client.orchestration import get_client

from lradapt.cli import error_exit
from lradapt.cli.help import epilog
from lradapt.cli.program import run_program
from lradapt.errors import LradaptError


def run(main: Callable[..., None], *examples: str) -> None:
    """Run `main` with the arguments of the command line; its help shows the examples."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=epilog(*examples))(main)
    run_program(app)


@contextmanager
def session(*, debug: bool = False) -> Iterator[None]:
    """Print lradapt's messages only, and end the program after an error or SIGTERM.

    For messages and exit codes see `lradapt.cli.error_exit`. A server that Prefect has started
    for this program ends with it.
    """
    for handler in logging.getLogger().handlers:  # Prefect's; its UI shows its own messages
        handler.addFilter(lambda record: record.name.startswith("lradapt"))
        handler.setFormatter(logging.Formatter("%(message)s"))
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with error_exit.exit_on_error(debug=debug):
        yield


def start_server() -> None:
    """Start the temporary server of Prefect if no other is set, and protect it from Ctrl-C.

    A terminal sends Ctrl-C to all its processes. If the server received it, the run would try for
    a minute and a half to report its own end.

    Raises:
        LradaptError: no server answers.
    """
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits it
    try:
        with get_client(sync_client=True) as client:  # the server runs until this program ends
            fault = client.api_healthcheck()
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
