"""Runs one node of DVC's graph in a child process, and ends all of it when it must end."""

import logging
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from prefect import task

from tasks.graph import Node

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


class StageFailedError(RuntimeError):
    """A stage ended with an error; the text is what it last said."""


@task(persist_result=False)
def reproduce(address: str) -> None:
    """Bring one node up to date; a no-op of DVC's where nothing has changed after all."""
    run_dvc("repro", "--single-item", address)


def reproduce_stale(plan: Sequence[Node]) -> None:
    """Bring the stale nodes of a plan up to date, one task each, as their `meta` asks."""
    up_to_date = [node.address for node in plan if not node.stale]
    if up_to_date:
        log.info("up to date: %s", ", ".join(up_to_date))
    for node in plan:
        if node.stale:
            reproduce.with_options(
                name=node.address,
                retries=node.meta.get("retries", 0),
                timeout_seconds=node.meta.get("timeout"),
            )(node.address)


@task(persist_result=False)
def run_module(module: str) -> None:
    """Run a program of this project that takes no options."""
    run_child([sys.executable, "-m", module])


@task(persist_result=False)
def version_sources(paths: Sequence[str]) -> None:
    """Let DVC keep the data that it does not keep yet."""
    if paths:
        run_dvc("add", *paths)


def run_dvc(*words: str) -> None:
    """Run DVC, after whatever else of DVC runs in this project."""
    run_child([sys.executable, "-m", "dvc", "--wait-for-lock", *words])


def run_child(command: Sequence[str]) -> None:
    """Run a command, every line of its output to the log.

    It has a process group of its own, which is killed whole when this function is left early: a
    SIGTERM to `dvc` alone would leave the training running.

    Raises:
        StageFailedError: the exit code is not 0.
    """
    last: deque[str] = deque(maxlen=_LAST_LINES)
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=_environment(),
        start_new_session=True,
    ) as child:
        try:
            for line in child.stdout or ():
                if line.strip() and not line.startswith(_HINTS):
                    last.append(line.rstrip())
                    log.info("%s", line.rstrip())
            child.wait()
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
    if child.returncode:
        raise StageFailedError(_said(last))


def _environment() -> dict[str, str]:
    """This environment's programs first, so that `python` in dvc.yaml is this python."""
    own = str(Path(sys.executable).parent)
    return {
        **os.environ,
        "PATH": own + os.pathsep + os.environ.get("PATH", ""),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "1",
    }


def _said(lines: Sequence[str]) -> str:
    """From the first line that names an error on; else the last lines."""
    own = [line for line in lines if not line.startswith("ERROR: failed to reproduce")]
    kept = own or list(lines)  # what DVC says of itself is the last resort
    starts = [number for number, line in enumerate(kept) if line.startswith("error:")]
    return "\n".join(kept[starts[-1] if starts else 0 :])
