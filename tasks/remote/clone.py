"""A clone of this project beside it, in which a stage runs for a flow on another machine.

The clone stays after a call, so the next call finds DVC's files, the checkpoints and the row cache.
It shares DVC's remotes and cache with the project.
"""

import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path

from lradapt.errors import LradaptError
from lradapt.runtime import lock
from lradapt.runtime.files import write_text
from tasks import git
from tasks.pipeline import dvc_index
from tasks.remote.places import require_inside

_FOLDER = Path(".lradapt/elsewhere")


class ScratchError(LradaptError):
    """This machine lacks something that the stage needs; the message names it."""


@contextmanager
def project(commit: str, texts: Mapping[str, str]) -> Iterator[None]:
    """Run the block in the clone; first wait for other runs in it.

    `texts`: path in the project -> text of the file, which replaces that of the commit.

    Raises:
        OutsideError: a text is for a place outside the project.
        ScratchError: neither this project nor its git remotes have the commit, or no DVC remote
            is set.
    """
    _require_commit_name(commit)
    home = Path.cwd()
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with chdir(_FOLDER), lock.run():
        clone = Path("project")
        _require(home, commit)
        if not clone.exists():
            _clone(home, clone)
        with chdir(clone):
            _check_out(commit, texts)
            dvc_index.adopt_settings(home)
            _require_remote(home)
            yield


def _require_commit_name(commit: str) -> None:
    """Check that the name is a hash: git would read `--option` as an option."""
    if not re.fullmatch(r"[0-9a-f]{7,64}", commit):
        raise ScratchError(f"{commit!r} is not the hash of a commit")


def _require(home: Path, commit: str) -> None:
    """Check that the project's git has the commit; fetch from its remotes if it is missing."""
    known = ("-C", str(home), "cat-file", "-e", f"{commit}^{{commit}}")
    if git.ask(*known).returncode:
        git.ask("-C", str(home), "fetch", "--quiet", "--all")
    if git.ask(*known).returncode:
        raise ScratchError(
            f"commit {commit} is not in the git of {home} on {socket.gethostname()}, nor in its "
            "remotes: push it there with `git push`, and run again"
        )


def _require_remote(home: Path) -> None:
    if not dvc_index.has_remote():
        raise ScratchError(
            f"no DVC remote is set in {home} on {socket.gethostname()}: set the one that the "
            "calling machine has, with `dvc remote add -d NAME URL`"
        )


def _clone(home: Path, clone: Path) -> None:
    partial = clone.with_name(f"{clone.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    git.checked("clone", "--quiet", "--shared", "--no-checkout", str(home), str(partial))
    partial.rename(clone)


def _check_out(commit: str, texts: Mapping[str, str]) -> None:
    """Check out the commit, and write these files; files that git ignores stay."""
    require_inside(texts)
    git.checked("checkout", "--quiet", "--force", "--detach", commit)
    git.checked("clean", "--quiet", "--force", "-d")  # files of the previous call
    require_inside(texts)  # once more: the commit may have brought links
    for path, text in texts.items():
        write_text(Path(path), text)
