"""What needs Linux says so in one line, before anything has begun."""

import os
import platform

from lradapt.errors import LradaptError
from lradapt.runtime.system.file_locks import ON_THE_FILE


def require_linux(what: str) -> None:
    """Check that the system has groups of processes and locks of files, as Linux and macOS do.

    Raises:
        LradaptError: it has not, such as Windows.
    """
    if ON_THE_FILE and hasattr(os, "killpg") and hasattr(os, "fork"):
        return
    raise LradaptError(
        f"{what} need Linux, which ends all processes of a stage together; this is "
        f"{platform.system()}. Run them in WSL or in a container; `lradapt` serves, predicts, "
        "reviews, imports and checks here, and `dvc repro` runs the stages"
    )
