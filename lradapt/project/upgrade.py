"""Brings a project to the installed lradapt: its files are merged, and written all or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lradapt import __version__
from lradapt.config.paths import PROJECT_FILE
from lradapt.config.project_name import FILE as PYPROJECT
from lradapt.errors import listed
from lradapt.project import ProjectError, base, git
from lradapt.project.merging import Merged, merge_all, require_merged
from lradapt.project.pyproject import newer_pin, pinned, read_pyproject
from lradapt.project.template import FORMAT, render
from lradapt.runtime.files import write_bytes


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade changes; nothing of it is written yet.

    Attributes:
        folder: of the project.
        files: that change, or about which a person has to decide.
        archive: the new content of `lradapt.project.base.FILE`.
    """

    folder: Path
    files: Sequence[Merged]
    archive: bytes

    @property
    def conflicts(self) -> list[Merged]:
        """Return the files about which a person has to decide."""
        return [each for each in self.files if each.conflict]


def plan_upgrade(folder: Path) -> Upgrade:
    """Merge the files of a project with those of the installed lradapt; write nothing.

    Raises:
        ProjectError: git is not installed; the folder is no project; the project has another
            format, is newer than this lradapt, has conflicts of the last upgrade, or changes that
            git has not committed.
    """
    git.require()
    if not (folder / PROJECT_FILE).is_file():
        raise ProjectError(
            f"neither {folder} nor a folder around it is a project: expected {PROJECT_FILE} and "
            ".dvc; change into yours, or make one with `lradapt init DIR`"
        )
    require_merged(folder)
    name = _checked(read_pyproject(folder))
    former, new = base.unpacked(folder), render(name)
    files = merge_all(former, new, folder)
    _require_committed(folder, [*former, *new, base.FILE])
    return Upgrade(folder, files, base.packed(new) if former != new else b"")


def write(upgrade: Upgrade) -> None:
    """Write the files of an upgrade; if one cannot be written, all are as they were before.

    Raises:
        OSError: a file cannot be written.
    """
    archive = upgrade.folder / base.FILE
    changes = [(upgrade.folder / each.path, each.before, each.after) for each in upgrade.files]
    if upgrade.archive:  # last: after a kill in between, the next upgrade begins from the same base
        changes.append((archive, archive.read_bytes(), upgrade.archive))
    done = []
    try:
        for path, before, after in changes:
            done.append((path, before))
            _put(path, after)
    except BaseException:
        for path, before in reversed(done):
            _put(path, before)
        raise


def require_no_conflict(upgrade: Upgrade) -> None:
    """Check that nothing is left to decide.

    Raises:
        ProjectError: it is; the message has each file with what was done.
    """
    found = [f"{each.path}: {each.conflict}" for each in upgrade.conflicts]
    if found:
        raise ProjectError(
            f"{len(found)} file(s) are left to you, since you and lradapt have changed them; edit "
            f"them, then commit:\n{listed(found)}"
        )


def _put(path: Path, content: bytes | None) -> None:
    """Write or remove a file, unless it has this content already; its mode stays."""
    if content is None:
        path.unlink(missing_ok=True)
    elif not path.is_file() or path.read_bytes() != content:
        mode = path.stat().st_mode if path.exists() else None
        write_bytes(path, content)
        if mode is not None:
            path.chmod(mode)


def _checked(pyproject: dict[str, Any]) -> str:
    """Return the project's name if this lradapt can upgrade it."""
    found = pyproject.get("tool", {}).get("lradapt", {}).get("format")
    if type(found) is not int or found < 1:
        raise ProjectError(
            f"this project's files were not made by `lradapt init`, or by one older than format 1: "
            f"{PYPROJECT} has format {found!r} in [tool.lradapt], expected {FORMAT}. Make a new "
            "project with `lradapt init`, and copy your changes and data/ into it"
        )
    if found > FORMAT:
        raise ProjectError(
            f"this project has format {found}, and lradapt {__version__} knows up to {FORMAT}: it "
            "was made by a newer lradapt. Install that one: pip install --upgrade lradapt"
        )
    _require_not_newer(pyproject)
    name = pyproject.get("project", {}).get("name")
    if not isinstance(name, str):
        raise ProjectError(f"{PYPROJECT} has no name of the project: expected [project] with name")
    return name


def _require_not_newer(pyproject: dict[str, Any]) -> None:
    """Check that the project does not ask for a newer lradapt than the installed one."""
    if pin := newer_pin(pinned(pyproject)):
        raise ProjectError(
            f"this project is of lradapt {pin}, newer than the installed {__version__}; "
            f"install it: pip install lradapt=={pin}"
        )


def _require_committed(folder: Path, paths: Sequence[str]) -> None:
    changed = git.changed(folder, paths)
    if changed:
        raise ProjectError(
            "this project has changes that git has not committed, and an upgrade could not be told "
            f"from them or undone; commit or stash them, and run again:\n{listed(changed)}"
        )
