"""DVC's own commands, each after whatever else of DVC runs in this project."""

import logging
import sys
import time
from collections.abc import Mapping

from tasks.child import CommandFailedError, run_child

log = logging.getLogger("lradapt.dvc")

BUSY = "is busy, it is being blocked by"
"""What DVC says of a file that another DVC works on."""
BUSY_SECONDS = (1, 2, 4, 8, 16)


def run(*words: str, settings: Mapping[str, str] | None = None) -> None:
    """Run a command, every line of its output to the log.

    `--wait-for-lock` does not wait for a stage's files: what another `dvc repro` holds for a
    moment, before its stage is refused, is asked for again.

    Args:
        words: the command, as after `dvc` on a command line.
        settings: variables of its environment, beside those of this process.

    Raises:
        CommandFailedError: DVC has failed, or the files are held for longer than a moment.
    """
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", *words]
    for seconds in BUSY_SECONDS:
        try:
            return run_child(command, settings=settings)
        except CommandFailedError as error:
            if BUSY not in str(error):
                raise
            log.warning("waiting %d s: another DVC works in this project", seconds)
            time.sleep(seconds)
    return run_child(command, settings=settings)
