"""Git, as far as the making and the upgrade of a project need it."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from lradapt.project import ProjectError

_NO_NAME = ("-c", "user.name=lradapt", "-c", "user.email=lradapt@localhost")


def require() -> None:
    """Check that git is installed.

    Raises:
        ProjectError: it is not.
    """
    if shutil.which("git") is None:
        raise ProjectError(
            "git is not installed, or not on the PATH: DVC, `lradapt init` and `lradapt upgrade` "
            "need it. Install it (apt-get install git, brew install git), and run again"
        )


def holder(folder: Path) -> Path | None:
    """Return the root of the git repository that a folder is in; None if it is in none."""
    done = _ask(folder, "rev-parse", "--show-toplevel")
    return Path(done.stdout.rstrip("\n")) if done.returncode == 0 else None


def begin(folder: Path, paths: Iterable[str], message: str) -> bool:
    """Make a repository in the folder, and commit these files.

    Returns:
        Whether git knows who commits; if not, the commit has the name of lradapt.
    """
    _run(folder, "init", "--quiet", "--initial-branch=main")
    _run(folder, "add", "--force", "--", *paths)
    is_known = _ask(folder, "var", "GIT_AUTHOR_IDENT").returncode == 0
    identity = () if is_known else _NO_NAME
    words = ("-c", "commit.gpgsign=false", *identity, "commit", "--quiet", "--no-verify", "-m")
    _run(folder, *words, message)
    return is_known


def changed(folder: Path, paths: Iterable[str]) -> list[str]:
    """Return what git has not committed: changed files, and those of `paths` that it does not know.

    Raises:
        ProjectError: the folder is in no repository of git.
    """
    words = ("status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", ".")
    prefix = _run(folder, "rev-parse", "--show-prefix").rstrip("\n")
    found = [each for each in _run(folder, *words).split("\0") if each]
    known = set(paths)
    states = {each[3:].removeprefix(prefix): each[:2] for each in found}
    return [path for path, state in states.items() if state != "??" or path in known]


def merge(files: Sequence[Path], labels: Sequence[str]) -> tuple[bytes, int]:
    """Merge the first and the last of three files, of which the second is the origin.

    Returns:
        The text, and the number of conflicts that are marked in it, with the labels.

    Raises:
        ProjectError: git cannot merge the files: they are not text.
    """
    names = [word for label in labels for word in ("-L", label)]
    command = ["git", "merge-file", "--stdout", *names, *map(str, files)]
    done = subprocess.run(command, capture_output=True, check=False)
    if not 0 <= done.returncode < 128:
        raise ProjectError(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode


def _ask(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)


def _run(folder: Path, *words: str) -> str:
    done = _ask(folder, *words)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise ProjectError(f"git failed in {folder} (git {' '.join(words[:1])}): {said}")
    return done.stdout
