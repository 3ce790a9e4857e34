"""Flows: order and branches, a screen each; run from the project's folder.

Prefect reads its settings when it is first imported, so what this project asks of them stands here;
a value that is set already is left as it is.
"""

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from lradapt.cli.error_exit import missing_package_message

if find_spec("prefect") is None:  # before the imports below this package, which need it
    sys.exit(missing_package_message("No module named 'prefect'"))

_SETTINGS = {
    "DO_NOT_TRACK": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # The temporary server takes 10 to 30 seconds to start on two cores; its own limit is 20.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_EXTRA_LOGGERS": "lradapt",
    # A run that gives no sign of life for 90 seconds is taken for dead: tasks/server/setup.py.
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
_OWN_SERVER = ("PREFECT_API_URL", "PREFECT_HOME", "PREFECT_PROFILE", "PREFECT_PROFILES_PATH")

for _name, _value in _SETTINGS.items():
    os.environ.setdefault(_name, _value)
logging.getLogger("lradapt").setLevel(logging.INFO)
if not any(name in os.environ for name in _OWN_SERVER):
    os.environ["PREFECT_HOME"] = str(Path.cwd() / ".prefect")


def speak_plainly() -> None:
    """On this terminal, the lines of lradapt alone: what Prefect says of it is in its UI."""
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.name.startswith("lradapt"))
        handler.setFormatter(logging.Formatter("%(message)s"))


@contextmanager
def exit_on_error(*, debug: bool = False) -> Iterator[None]:
    """A block whose errors end the program: see `lradapt.cli.error_exit`.

    So does SIGTERM, and a server that Prefect has started for the program alone ends with it.
    """
    from lradapt.cli import error_exit

    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with error_exit.exit_on_error(debug=debug):
        yield


def start_server() -> None:
    """Start the server that Prefect gives a program where none is set, deaf to Ctrl-C.

    A terminal sends Ctrl-C to every process in it. Were the server one of them, the run would go on
    for a minute and a half, asking it to note that it was stopped.

    Raises:
        LradaptError: no server answers.
    """
    from prefect.client.orchestration import get_client

    from lradapt.errors import LradaptError

    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits it
    try:
        with get_client(sync_client=True) as client:  # it goes on to the end of this program
            fault = client.api_healthcheck()
    except RuntimeError as error:
        fault = error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)
    if fault:
        where = os.environ.get("PREFECT_API_URL", "")
        raise LradaptError(
            f"no server of Prefect's answers{' at ' if where else ''}{where}: {fault}. `make ui` "
            "starts one; without PREFECT_API_URL a flow starts its own, which a busy machine may "
            "not do in time"
        )


def run(main: Callable[..., None], *examples: str) -> None:
    """Run `main` with the words of the command line; its help shows the examples."""
    import typer

    from lradapt.cli.help import epilog

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command(epilog=epilog(*examples))(main)
    app()
