"""DVC's own commands, each after whatever else of DVC runs in this project.

`--wait-for-lock` does not wait for a stage's files: what another `dvc repro` holds for a moment,
before its stage is refused, is asked for again.
"""

import logging
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from tasks.processes.child import CommandFailedError, run_child

log = logging.getLogger("lradapt.dvc")
T = TypeVar("T")

BUSY = "is busy, it is being blocked by"
"""What DVC says of a file that another DVC works on."""
BUSY_SECONDS = (1, 2, 4, 8, 16)


def run(*words: str, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, every line of its output to the log.

    Args:
        words: the command, as after `dvc` on a command line.
        settings: variables of its environment, beside those of this process.

    Raises:
        CommandFailedError: DVC has failed, or the files are held for longer than a moment.
    """
    _when_free(lambda: run_child(_command(words), settings=settings))


def ask(*words: str) -> str:
    """What a command prints, which changes nothing.

    Args:
        words: the command, as after `dvc` on a command line.

    Raises:
        CommandFailedError: as for `run`; with DVC's own words.
    """
    return _when_free(lambda: _printed(words))


def _command(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *words]


def _printed(words: tuple[str, ...]) -> str:
    done = subprocess.run(_command(words), capture_output=True, text=True)
    if done.returncode:
        raise CommandFailedError(f"dvc {words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def _when_free(call: Callable[[], T]) -> T:
    """What a call returns, which is made again while another DVC holds a file."""
    for seconds in BUSY_SECONDS:
        try:
            return call()
        except CommandFailedError as error:
            if BUSY not in str(error):
                raise
            log.warning("waiting %d s: another DVC works in this project", seconds)
            time.sleep(seconds)
    return call()
