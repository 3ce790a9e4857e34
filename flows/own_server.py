"""The temporary server of Prefect: it ends with its flow, and is started again if it is killed.

Prefect would start one itself, but as a plain child, which outlives a killed flow, and after an
import of all of the server into the flow's process, which takes some seconds. It can begin before
the flow's own imports, so this module imports neither Prefect nor httpx at its start.
"""

import atexit
import functools
import http.client
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lradapt.config.paths import PROJECT_FILE
from tasks.processes import supervisor
from tasks.server.access import TEMPORARY

log = logging.getLogger("lradapt.server")

HOST = "127.0.0.1"
_RESTARTS = 3
_POLL_SECONDS = 0.1
_ANSWER_SECONDS = 5
_END_SECONDS = 10
_PROGRAMS = ("flows.retrain", "flows.watch_labels")
_WITHOUT_SERVER = frozenset({"--help", "--plan"})
_PROGRAM = "import gc; gc.set_threshold(100_000); from uvicorn import main; main()"
"""A search for garbage among the objects of its imports takes a fifth of their time."""
_SETTINGS = {
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
}
"""With which Prefect starts a temporary server."""


@dataclass(slots=True)
class Server:
    """A temporary server, and how it is started."""

    port: int
    environment: Mapping[str, str]
    process: "subprocess.Popen[bytes]"
    ending: threading.Event


def begin_early(words: Sequence[str]) -> None:
    """Begin the temporary server of `python -m flows.retrain` before its imports.

    It takes longer to start than they do. If the program needs none after all, since a file of
    Prefect names a server, or an option or a file is wrong, it ends again.

    Args:
        words: the command line of this process, beginning with the interpreter.
    """
    is_flow = list(words[1:3]) in [["-m", program] for program in _PROGRAMS]
    runs = is_flow and PROJECT_FILE.exists() and not set(words) & _WITHOUT_SERVER
    if runs and "PREFECT_API_URL" not in os.environ:
        begin()


@functools.cache
def begin() -> Server:
    """Begin to start the server of this program, which ends with it; return it."""
    port, environment = _free_port(), {**os.environ, **_SETTINGS}
    server = Server(port, environment, run(command(port), environment), threading.Event())
    atexit.register(_end, server)
    return server


def start() -> None:
    """Start the temporary server, which runs until this program ends, and let Prefect use it.

    Raises:
        RuntimeError: it has ended, or does not answer within the seconds of Prefect's setting.
    """
    from prefect.context import refresh_global_settings_context

    server = begin()
    _wait_until_healthy(server)
    os.environ |= {"PREFECT_API_URL": f"http://{HOST}:{server.port}/api", TEMPORARY: "1"}
    refresh_global_settings_context()
    threading.Thread(target=keep_running, args=(server,), daemon=True).start()


def discard() -> None:
    """End a server that was begun, and is not needed."""
    if begin.cache_info().currsize:
        _end(begin())


def command(port: int) -> list[str]:
    """Return the command of the server."""
    program = [sys.executable, "-c", _PROGRAM]
    words = ["--factory", "prefect.server.api.server:create_app", "--host", HOST]
    prefect = find_spec("prefect")
    assert prefect
    assert prefect.origin
    folder = str(Path(prefect.origin).parents[1])
    options = ["--app-dir", folder, "--port", str(port), "--log-level", "error", "--lifespan", "on"]
    return [*program, *words, *options]


def run(command: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a command below the supervisor, which ends it when its standard input is closed.

    It gets a session of its own: a signal to all processes of the flow's group, as from a terminal
    or `timeout`, must not end it before the flow has reported its end.
    """
    words = [sys.executable, "-I", "-S", supervisor.__file__, *command]
    return subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, start_new_session=True)


def keep_running(server: Server) -> None:
    """Start the server again whenever it ends before this program, three times at most.

    Prefect's client repeats its requests for a minute, so a run goes on with the new server.
    """
    for _ in range(_RESTARTS):
        if not _has_died(server):
            return
        log.warning("Prefect's temporary server was killed; it is started again")
        server.process = run(command(server.port), server.environment)
    if _has_died(server):
        log.warning("Prefect's temporary server was killed once more; it is not started again")


def _has_died(server: Server) -> bool:
    """Wait for the end of the server; return whether nobody has asked for it."""
    server.process.wait()
    return not server.ending.is_set()


def _end(server: Server) -> None:
    server.ending.set()
    assert server.process.stdin
    server.process.stdin.close()
    server.process.wait(_END_SECONDS)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _wait_until_healthy(server: Server) -> None:
    from prefect.settings import PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS

    process = server.process
    deadline = time.monotonic() + PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS.value()
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"it ended with exit code {process.returncode} before it answered")
        if _is_healthy(server.port):
            return
        time.sleep(_POLL_SECONDS)
    raise RuntimeError("it has not answered in time")


def _is_healthy(port: int) -> bool:
    """Ask the server without a client of httpx, which reads all certificates each time."""
    connection = http.client.HTTPConnection(HOST, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
