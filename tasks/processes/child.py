"""Running a command in a child process: output goes to the log; no process is left behind."""

import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lradapt.errors import LradaptError
from lradapt.signing.settings import KEY as SIGNING_KEY
from tasks.processes import supervisor

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


def run_child(command: Sequence[str], *, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, and log every line of its output.

    If an exception (cancellation, timeout) leaves this function, or its process is killed, every
    process that the command started ends too: see `tasks.processes.supervisor`.

    Raises:
        CommandFailedError: the exit code is not 0.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**child_environment(), **(settings or {})},
        start_new_session=True,
    ) as child:
        assert child.stdin
        assert child.stdout
        try:
            _log_lines(child.stdout, last)
        finally:
            child.stdin.close()  # now the supervisor ends the remaining processes
            _log_lines(child.stdout, last)
    if child.returncode:
        raise CommandFailedError(_error_text(last, child.returncode))


def _log_lines(lines: Iterable[str], last: deque[str]) -> None:
    for line in lines:
        if line.strip() and not line.startswith(_HINTS):
            last.append(line.rstrip())
            log.info("%s", line.rstrip())


def child_environment() -> dict[str, str]:
    """Return the environment; `python` in dvc.yaml is the Python that runs this.

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
