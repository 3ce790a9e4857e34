"""The temporary server of Prefect: it ends with its flow, and is started again if it is killed.

Prefect starts it as a plain child, which outlives a killed flow. Here it runs below the supervisor
of the stages, which ends it when the flow is gone, for whatever reason.
"""

import atexit
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace

from prefect.server.api import server as prefect_server
from prefect.server.api.server import SubprocessASGIServer

from tasks.processes import supervisor

log = logging.getLogger("lradapt.server")

_RESTARTS = 3
_ending = threading.Event()


@contextmanager
def supervised() -> Iterator[None]:
    """Let a temporary server that Prefect starts in the block end with this process."""
    used = vars(prefect_server)
    used["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": _supervised})
    try:
        yield
    finally:
        used["subprocess"] = subprocess


def _supervised(args: Sequence[str], env: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start a command below the supervisor, which ends it when its standard input is closed.

    It gets a session of its own: a signal to all processes of the flow's group, as from a terminal
    or `timeout`, must not end it before the flow has reported its end.
    """
    command = [sys.executable, "-I", "-S", supervisor.__file__, *args]
    return subprocess.Popen(command, env=env, stdin=subprocess.PIPE, start_new_session=True)


def keep_running() -> None:
    """Start the temporary server again whenever it ends before this process; call it once.

    Prefect's client repeats its requests for a minute, so a run goes on with the new server.
    """
    for server in SubprocessASGIServer._instances.values():
        atexit.register(_ending.set)  # this comes before Prefect's own `stop`
        threading.Thread(target=_keep_running, args=(server,), daemon=True).start()


def _keep_running(server: SubprocessASGIServer) -> None:
    for _ in range(_RESTARTS):
        if not _has_died(server):
            return
        log.warning("Prefect's temporary server was killed; it is started again")
        with supervised():
            server.server_process = server._run_uvicorn_command()
    if _has_died(server):
        log.warning("Prefect's temporary server was killed once more; it is not started again")


def _has_died(server: SubprocessASGIServer) -> bool:
    """Wait for the end of the server; return whether nobody has asked for it."""
    process = server.server_process
    if process is None:
        return False
    process.wait()
    return not _ending.is_set()
