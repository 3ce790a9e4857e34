"""Commands that are forked from one process, which has imported their slow libraries already.

A stage takes 1 to 3 seconds of imports (DVC, pandas, PyTorch), as often as there are stages. The
fork server imports DVC's libraries once, and a fork of it those of the stages, while the flow or a
stage computes. Only on Linux; elsewhere, and where the server has ended, each command is a new
program.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path

from lradapt import stages
from lradapt.runtime.thread_waits import shorten_thread_waits
from tasks.pipeline import lock_file
from tasks.processes.fork_server import MAX_BYTES
from tasks.processes.forks import Command
from tasks.processes.started import Started

_PROGRAM = "tasks.processes.fork_server"
_PROJECT = Path(__file__).parents[2]
_KILLED = 137
FIRST_IMPORTS = (
    "dvc.cli.parser",
    "dvc.commands.repro",
    "dvc.repo.reproduce",
    "dvc.repo.status",
    "dvc.repo.artifacts",
    "dvc.repo.datasets",
    "dvc.repo.metrics",
    "dvc.repo.params",
    "dvc.repo.plots",
    "dvc.repo.stage",
    "dvc.cachemgr",
    "dvc.data_cloud",
    "dvc.lock",
    "dvc.rwlock",
    "dvc.scm",
    "dvc.utils.strictyaml",
    "dvc_data.hashfile.db.local",
    "dvc_data.hashfile.status",
    "dulwich.ignore",
    "dulwich.index",
    "dulwich.worktree",
    "configobj",
    "fsspec.implementations.memory",
    "platformdirs",
    "pyparsing",
    "ruamel.yaml",
    "numpy",
    "pandas",
    "pydantic.main",
    "typer.core",
    "yaml",
)
"""Of every run of a flow; imported before its first command."""
STAGE_IMPORTS = (
    "torch",
    "torch._dynamo",
    "torch.export",
    "torchvision",
    "safetensors.torch",
    "scipy.optimize",
    "scipy.stats",
    "sklearn.metrics",
    "onnx",
    "onnxscript",
    "lradapt.cli.app",
    *(f"lradapt.stages.{name}" for name in stages.NAMES),
    "matplotlib.figure",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "torch.export._trace",
    "torch.onnx._internal.exporter._compat",
    "onnxscript.function_libs.torch_lib.ops",
)
"""Of the stages; imported while no command waits for its start.

None starts a thread, but for OpenBLAS, which stops its threads before a fork. So ONNX Runtime is
not one of them: its import starts a thread, and a fork would wait for it for ever at its end.
"""

_current: ContextVar["ForkServer | None"] = ContextVar("fork_server", default=None)


class ForkServer:
    """A process from which commands are forked; it ends with this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it with the environment of the commands, which libraries read at their import."""
        settings = dict(environment)
        shorten_thread_waits(settings)
        self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _PROGRAM],
                stdin=theirs.fileno(),
                cwd=_PROJECT,
                env=settings,
                start_new_session=True,
            )
        self._of_stages: socket.socket | None = None
        _send(self._requests, {"first": FIRST_IMPORTS})
        if not lock_file.LOCK.exists():  # the first run: all stages are going to run
            self._start_other()

    def start(self, command: Command, errors: int) -> Started | None:
        """Start a command; return None if the server cannot."""
        is_stage = "repro" in command.arguments
        lifeline_end, lifeline = os.pipe()
        output, output_end = os.pipe()
        result, result_end = os.pipe()
        to = output_end if errors == subprocess.STDOUT else errors
        ends = (lifeline_end, output_end, result_end)
        requests = (is_stage and self._of_stages) or self._requests
        try:
            _send(requests, {"command": asdict(command)}, (*ends, to))
        except OSError:
            for file in (lifeline, output, result):
                os.close(file)
            return None
        finally:
            for file in ends:
                os.close(file)
        if is_stage and not self._of_stages:
            self._start_other()
        return Started(
            open(lifeline, "wb", buffering=0),
            open(output, encoding="utf-8", errors="replace"),
            lambda: _exit_code(result),
        )

    def _start_other(self) -> None:
        """Let the server fork another one, which imports what the stages use."""
        self._of_stages, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, suppress(OSError):  # without a server, each command is a new program
            _send(self._requests, {"other": STAGE_IMPORTS}, [theirs.fileno()])

    def stop(self) -> None:
        """End the server; its commands have ended."""
        self._requests.close()
        self._process.wait()
        if self._of_stages:
            self._of_stages.close()


def _send(to: socket.socket, request: Mapping[str, object], files: Sequence[int] = ()) -> None:
    text = json.dumps(request).encode()
    if len(text) >= MAX_BYTES:
        raise OSError("the environment is too large for a request")
    socket.send_fds(to, [text], files)


def _exit_code(result: int) -> int:
    """Wait for the exit code of a command; without one, its supervisor was killed."""
    with open(result, encoding="ascii") as file:
        return int(file.read() or _KILLED)


@contextmanager
def serving(environment: Mapping[str, str]) -> Iterator[None]:
    """Fork the commands of this block; in an outer block's server, if there is one."""
    if sys.platform != "linux" or _current.get():
        yield
        return
    server = ForkServer(environment)
    token = _current.set(server)
    try:
        yield
    finally:
        _current.reset(token)
        server.stop()


def start(
    words: Sequence[str], environment: Mapping[str, str], errors: int = subprocess.STDOUT
) -> Started | None:
    """Fork a command `python -m ...`; None if no server serves here, or it cannot."""
    server = _current.get()
    if server is None or list(words[:2]) != [sys.executable, "-m"]:
        return None
    return server.start(Command(words[2], words[3:], dict(environment), os.getcwd()), errors)
