"""`dvc repro` in a fork, with a second fork that becomes the stage when DVC starts it.

The second one is made before DVC runs, so it has none of DVC's threads, locks and open files. It is
a child of DVC's process and of the same process group, as a stage is that DVC starts itself.
"""

import atexit
import json
import os
import shlex
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any, NoReturn

from tasks.processes.forks import Command, Fork, become

MAX_BYTES = 1 << 20


def run(command: Command) -> NoReturn:
    """Run `dvc repro`, whose stage runs in a waiting fork, and end the process with DVC's code."""
    here, there = socket.socketpair()
    pid = os.fork()
    if not pid:
        here.close()
        _wait_and_become(there)
    there.close()
    atexit.register(here.close)  # a waiting fork that is not asked for a stage ends then
    _let_dvc_use(here, Fork(pid))
    become(command)


def _wait_and_become(requests: socket.socket) -> NoReturn:
    """Run the stage that is asked for; end if none is."""
    with requests, requests.makefile("rb") as file:
        text = file.read()
    if not text:
        os._exit(0)
    become(Command(**json.loads(text)))


def _let_dvc_use(requests: socket.socket, waiting: Fork) -> None:
    """Give the first command of DVC that only runs a Python module to the waiting fork."""
    from dvc.stage import run as dvc_run

    def start(words: Sequence[str], **settings: Any) -> "Fork | subprocess.Popen[bytes]":
        command = _python_module(words, **settings)
        if command is None or requests.fileno() < 0:
            return subprocess.Popen(words, **settings)
        requests.sendall(json.dumps(asdict(command)).encode())
        requests.close()
        return waiting

    vars(dvc_run)["subprocess"] = SimpleNamespace(**{**vars(subprocess), "Popen": start})


def _python_module(
    words: Sequence[str], *, cwd: str, env: Mapping[str, str], **_: Any
) -> Command | None:
    """Return the command of `SHELL -c "python -m MODULE ..."`; None if the shell has more to do."""
    text = words[-1].split()
    if text[:2] != ["python", "-m"] or any(shlex.quote(word) != word for word in text):
        return None
    return Command(text[2], text[3:], dict(env), os.path.abspath(cwd))
