"""Makes a project in an empty folder: its files, and the first commit."""

from dataclasses import dataclass
from pathlib import Path

from lradapt import __version__
from lradapt.config.paths import PROJECT_FILE
from lradapt.errors import listed
from lradapt.project import ProjectError, base, git
from lradapt.project.template import render
from lradapt.runtime.new_files import write_new_files

_MAY_BE_THERE = {".git", ".DS_Store"}


@dataclass(frozen=True, slots=True)
class Created:
    """A project that has just been made.

    Attributes:
        name: of the project.
        folder: of the project, as an absolute path.
        repository: of git that the folder was in before; None if one was made.
        is_known: whether git knew in whose name to commit; true if nothing was committed.
    """

    name: str
    folder: Path
    repository: Path | None
    is_known: bool


def create(folder: Path, name: str, *, keeping: Path | None = None) -> Created:
    """Make a project; nothing is left of it if a file cannot be written.

    Args:
        folder: that is absent or empty, except for a git repository and environments of Python.
        name: of the project; see `lradapt.project.names`.
        keeping: what may be in the folder besides: the images to be imported.

    Raises:
        ProjectError: git is not installed, or fails; or the folder is not empty.
        OSError: the folder cannot be written to.
    """
    git.require()
    folder = folder.absolute()
    _require_empty(folder, keeping)
    files = render(name)
    files = {**files, base.FILE: base.packed(files)}
    write_new_files(folder, files)
    repository = git.holder(folder)
    is_known = True
    if repository is None:
        message = f"{name}, a project made by lradapt {__version__}"
        is_known = git.begin(folder, files, message)
    return Created(name, folder, repository, is_known)


def _require_empty(folder: Path, keeping: Path | None) -> None:
    if folder.exists() and not folder.is_dir():
        raise ProjectError(f"{folder} is a file; expected a folder, or the name of a new one")
    if (folder / PROJECT_FILE).exists():
        raise ProjectError(
            f"{folder} is a project already: it has {PROJECT_FILE}; `lradapt upgrade` there brings "
            "it to this version of lradapt. Name another folder for a new project"
        )
    found = sorted(folder.iterdir()) if folder.exists() else []
    others = [each for each in found if not _may_be_there(each, keeping)]
    if others:
        raise ProjectError(
            f"{folder} is not empty; name a new folder, or move away what is there:\n"
            f"{listed([each.name for each in others], limit=5)}"
        )


def _may_be_there(path: Path, keeping: Path | None) -> bool:
    is_environment = (path / "pyvenv.cfg").is_file()
    is_kept = keeping is not None and keeping.absolute().is_relative_to(path)
    return path.name in _MAY_BE_THERE or is_environment or is_kept
