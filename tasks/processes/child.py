"""A command in a child process: its lines go to the log, and all of it ends when it must end."""

import logging
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from lradapt.errors import LradaptError
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
    "> ",  # the command, as dvc.yaml has it
)
"""How DVC's lines begin that say nothing of the run."""
_FAILED = "ERROR: failed to reproduce"


class CommandFailedError(LradaptError):
    """A command ended with an error; the text is what it last said."""


def run_child(command: Sequence[str], *, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, every line of its output to the log.

    When this function is left early (a cancel, a timeout), or its process is killed, all that the
    command has started ends too: see `tasks.processes.supervisor`.

    Args:
        command: a program and its arguments.
        settings: variables of its environment, beside those of this process.

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
        env={**_environment(), **(settings or {})},
        start_new_session=True,
    ) as child:
        assert child.stdin
        assert child.stdout
        try:
            _log_lines(child.stdout, last)
        finally:
            child.stdin.close()  # the supervisor ends what lives of it
            _log_lines(child.stdout, last)
    if child.returncode:
        raise CommandFailedError(_said(last, child.returncode))


def _log_lines(lines: Iterable[str], last: deque[str]) -> None:
    for line in lines:
        if line.strip() and not line.startswith(_HINTS):
            last.append(line.rstrip())
            log.info("%s", line.rstrip())


def _environment() -> dict[str, str]:
    """This environment's programs first, so that `python` in dvc.yaml is this python."""
    own = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": own + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }


def _said(lines: Iterable[str], code: int) -> str:
    """From the last line that names an error on; else the exit code and the last lines."""
    kept = list(lines)
    starts = [number for number, line in enumerate(kept) if line.startswith("error:")]
    if starts:  # what DVC says of it would add nothing
        own = (line for line in kept[starts[-1] :] if not line.startswith(_FAILED))
        return "\n".join(own)
    return "\n".join([f"the command ended with exit code {code}; it last said:", *kept])
