"""The name of the project, by which several projects share one server of Prefect's."""

import tomllib
from functools import cache
from pathlib import Path

from lradapt.config.paths import find_project
from lradapt.errors import ParamsError

FILE = "pyproject.toml"
OF_LRADAPT = "lradapt"
"""The name of lradapt's own repository, whose pools and flows have plain names."""


def project_name() -> str:
    """Return the name of the project around the current folder: `[project]` of pyproject.toml.

    Raises:
        ParamsError: pyproject.toml cannot be read, or has no name.
    """
    return _name_in(find_project() or Path.cwd())


def project_label() -> dict[str, str]:
    """Return the label of the resource of an event, by which automations know their project."""
    return {"lradapt.project": project_name()}


def own(name: str) -> str:
    """Return the name that a flow, a pool or an artifact of this project has on a server.

    `gpu` -> `skin-gpu` in the project skin; names that begin so are kept.
    """
    project = project_name()
    is_own = project == OF_LRADAPT or name.startswith(f"{project}-")
    return name if is_own else f"{project}-{name}"


def plain(name: str) -> str:
    """Return the name that `own` was given: `skin-gpu` -> `gpu` in the project skin."""
    project = project_name()
    return name if project == OF_LRADAPT else name.removeprefix(f"{project}-")


@cache
def _name_in(folder: Path) -> str:
    path = folder / FILE
    if not path.exists():
        return OF_LRADAPT
    try:
        return str(tomllib.loads(path.read_text(encoding="utf-8"))["project"]["name"])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
        raise ParamsError(
            f"{path} has no name of the project: expected [project] with name = ...; got {error!r}"
        ) from error
