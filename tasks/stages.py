"""Runs one node of DVC's graph in a child process, and ends all of it when it must end."""

import logging
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from prefect import task

from tasks import progress, supervisor
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
_FAILED = "ERROR: failed to reproduce"
BUSY = "is busy, it is being blocked by"
"""What DVC says of a file that another DVC works on."""
BUSY_SECONDS = (1, 2, 4, 8, 16)


class StageFailedError(RuntimeError):
    """A stage ended with an error; the text is what it last said."""


@task(persist_result=False)
def reproduce(address: str) -> None:
    """Bring one node up to date; a no-op of DVC's where nothing has changed after all."""
    with progress.followed() as settings:
        run_dvc("repro", "--single-item", address, settings=settings)


def reproduce_stale(plan: Sequence[Node]) -> None:
    """Bring the stale nodes of a plan up to date, one task each, as their `meta` asks."""
    from tasks import elsewhere  # which itself runs DVC by this file

    pools = elsewhere.choose(plan)
    up_to_date = [node.address for node in plan if not node.stale]
    if up_to_date:
        log.info("up to date: %s", ", ".join(up_to_date))
    for node in plan:
        if node.stale:
            options = {
                "name": node.address,
                "retries": node.meta.get("retries", 0),
                "timeout_seconds": node.meta.get("timeout"),
            }
            if node.address in pools:
                call = elsewhere.reproduce.with_options(**options)
                call(node.address, pools[node.address])
            else:
                reproduce.with_options(**options)(node.address)


@task(persist_result=False)
def run_module(module: str) -> None:
    """Run a program of this project that takes no options."""
    run_child([sys.executable, "-m", module])


@task(persist_result=False)
def version_sources(paths: Sequence[str]) -> None:
    """Let DVC keep the data that it does not keep yet."""
    if paths:
        run_dvc("add", *paths)


def run_dvc(*words: str, settings: Mapping[str, str] | None = None) -> None:
    """Run DVC, after whatever else of DVC runs in this project.

    `--wait-for-lock` does not wait for a stage's files: what another `dvc repro` holds for a
    moment, before its stage is refused, is asked for again.
    """
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *words]
    for seconds in BUSY_SECONDS:
        try:
            return run_child(command, settings=settings)
        except StageFailedError as error:
            if BUSY not in str(error):
                raise
            log.warning("waiting %d s: another DVC works in this project", seconds)
            time.sleep(seconds)
    return run_child(command, settings=settings)


def run_child(command: Sequence[str], *, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, every line of its output to the log.

    When this function is left early (a cancel, a timeout), or its process is killed, all that the
    command has started ends too: see `tasks.supervisor`.

    Args:
        command: a program and its arguments.
        settings: variables of its environment, beside those of this process.

    Raises:
        StageFailedError: the exit code is not 0.
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
        raise StageFailedError(_said(last, child.returncode))


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
