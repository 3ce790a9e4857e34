"""DVC's commands; each waits for other DVC commands in this project.

`--wait-for-lock` waits for DVC's repository lock, but not for the locks of a stage's files. If
another `dvc repro` holds such a lock, the command is tried again after some seconds.
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from tasks.pipeline import dvc_files
from tasks.processes.child import CommandFailedError, ask_child, run_child

log = logging.getLogger("lradapt.dvc")
T = TypeVar("T")

BUSY = "is busy, it is being blocked by"
"""Part of DVC's message if another DVC command has locked a file."""
BUSY_SECONDS = (1, 2, 4, 8, 16)
"""The waiting times before each new attempt."""


def run(*words: str, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, and log every line of its output.

    `words` are the command line after `dvc`; `settings` are additional environment variables.

    Raises:
        CommandFailedError: the command failed, or the files were still locked at the last attempt.
    """
    _when_free(lambda: run_child(_command(words), settings={**_site_cache(), **(settings or {})}))


def ask(*words: str) -> str:
    """Return the output of a command that changes nothing.

    Raises:
        CommandFailedError: as for `run`; the message is DVC's.
    """
    return _when_free(lambda: _printed(words))


def _command(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "dvc", "--wait-for-lock", *words]


def _site_cache() -> dict[str, str]:
    return {dvc_files.SITE_CACHE: str(dvc_files.site_cache())}


def _printed(words: tuple[str, ...]) -> str:
    try:
        return ask_child(_command(words), settings=_site_cache())
    except CommandFailedError as error:
        raise CommandFailedError(f"dvc {words[0]} failed: {error}") from error


def _when_free(call: Callable[[], T]) -> T:
    """Return the result of a call; repeat the call while another DVC command has locked a file."""
    for seconds in BUSY_SECONDS:
        try:
            return call()
        except CommandFailedError as error:
            if dvc_files.BROKEN_LOCKS in str(error) and dvc_files.mend_locks():
                continue
            if BUSY not in str(error):
                raise
            log.warning("waiting %d s: another DVC command runs in this project", seconds)
            time.sleep(seconds)
    return call()
