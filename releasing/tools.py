"""The tools of a release, which lie in an environment of their own (`.venv-release`)."""

import subprocess
from pathlib import Path

from lradapt.errors import LradaptError


def run_tool(python: Path, folder: Path, *words: str) -> None:
    """Run a module (the first word) with its options in a folder.

    Args:
        python: of the environment of the tools.
        folder: the program's working folder.
        words: module and options.

    Raises:
        LradaptError: it fails; it has printed why.
    """
    done = subprocess.run([python.absolute(), "-m", *words], cwd=folder, check=False)
    if done.returncode:
        raise LradaptError(
            f"{' '.join(words[:2])} ended with exit code {done.returncode}; see above"
        )
