"""Running a command in a child process: output goes to the log; no process is left behind."""

import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from lradapt.errors import LradaptError
from lradapt.signing.settings import KEY as SIGNING_KEY
from tasks.processes import fork_client
from tasks.processes.started import Started, start_program

log = logging.getLogger("lradapt.stages")

_LAST_LINES = 15
_HINTS = (
    "To track the changes with git",
    "\tgit add",
    "To enable auto staging",
    "\tdvc config core.autostage",
    "Use `dvc push`",
    "Generating lock file",
    "Updating lock file",
    "Data and pipelines are up to date",
    "> ",  # the command in dvc.yaml
)
"""Beginnings of lines of DVC that are of no interest for a run."""
_FAILED = "ERROR: failed to reproduce"


class CommandFailedError(LradaptError):
    """A command ended with an error; the text is the end of its output."""


@contextmanager
def forked_commands() -> Iterator[None]:
    """Fork the Python commands of this block from a process with their libraries imported."""
    with fork_client.serving(child_environment()):
        yield


def run_child(command: Sequence[str], *, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, and log every line of its output.

    If an exception (cancellation, timeout) leaves this function, or its process is killed, every
    process that the command started ends too: see `tasks.processes.supervisor`.

    Raises:
        CommandFailedError: the exit code is not 0.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    environment = {**child_environment(), **(settings or {})}
    child = _start(command, environment)
    with child.output:
        try:
            _log_lines(child.output, last)
        finally:
            child.lifeline.close()  # now the supervisor ends the remaining processes
            _log_lines(child.output, last)
            code = child.wait()
    if code:
        raise CommandFailedError(_error_text(last, code))


def ask_child(command: Sequence[str], *, settings: Mapping[str, str] | None = None) -> str:
    """Run a command, and return what it prints.

    Raises:
        CommandFailedError: the exit code is not 0; the text is what it says of the error.
    """
    with TemporaryFile() as errors:
        child = _start(command, {**child_environment(), **(settings or {})}, errors.fileno())
        with child.output:
            try:
                answer = child.output.read()
            finally:
                child.lifeline.close()
                code = child.wait()
        if code:
            errors.seek(0)
            raise CommandFailedError(errors.read().decode(errors="replace").strip())
    return answer


def _start(
    command: Sequence[str], environment: Mapping[str, str], errors: int = subprocess.STDOUT
) -> Started:
    forked = fork_client.start(command, environment, errors)
    return forked or start_program(command, environment, errors)


def _log_lines(lines: Iterable[str], last: deque[str]) -> None:
    for line in lines:
        if line.strip() and not line.startswith(_HINTS):
            last.append(line.rstrip())
            log.info("%s", line.rstrip())


def child_environment() -> dict[str, str]:
    """Return the environment of children; `python` in dvc.yaml is the Python that runs this.

    A private key in it stays here: no stage signs anything.
    """
    programs = str(Path(sys.executable).parent)
    return {
        **{name: value for name, value in os.environ.items() if name != SIGNING_KEY},
        "PATH": programs + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }


def _error_text(lines: Iterable[str], code: int) -> str:
    """Return the output from the last `error:` line on; without one, exit code and last lines."""
    kept = list(lines)
    starts = [number for number, line in enumerate(kept) if line.startswith("error:")]
    if starts:  # the message of DVC adds nothing
        own = (line for line in kept[starts[-1] :] if not line.startswith(_FAILED))
        return "\n".join(own)
    return "\n".join([f"the command ended with exit code {code}; its last output:", *kept])
