"""A project's pyproject.toml: which lradapt it pins, beside the one that is installed."""

import logging
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lradapt import __version__
from lradapt.config.paths import find_project
from lradapt.config.project_name import FILE
from lradapt.project import ProjectError

log = logging.getLogger(__name__)

_LOWER_BOUNDS = ("==", ">=", "~=", ">")


def read_pyproject(folder: Path) -> dict[str, Any]:
    """Return the content of the pyproject.toml in a folder; empty if there is none.

    Raises:
        ProjectError: it is not valid TOML.
    """
    path = folder / FILE
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{path} is not valid TOML: {error}") from error


def pinned(pyproject: Mapping[str, Any]) -> SpecifierSet:
    """Return the versions of lradapt that the project's dependencies allow.

    Raises:
        ProjectError: a dependency is not written as pip reads it.
    """
    versions = SpecifierSet()
    for text in pyproject.get("project", {}).get("dependencies", []):
        try:
            requirement = Requirement(text)
        except (InvalidRequirement, TypeError) as error:
            raise ProjectError(
                f"{FILE}, dependencies of [project]: {text!r} is no requirement as pip reads it: "
                f"{error}"
            ) from error
        if requirement.name == "lradapt":
            versions &= requirement.specifier
    return versions


def newer_pin(versions: SpecifierSet) -> str:
    """Return the pinned version if it is newer than the installed lradapt; else ""."""
    bounds = [each for each in versions if each.operator in _LOWER_BOUNDS]
    newest = max((Version(each.version.removesuffix(".*")) for each in bounds), default=None)
    return str(newest) if newest and newest > Version(__version__) else ""


def warn_if_other() -> None:
    """Log one line if the installed lradapt is not one that this project pins.

    Raises:
        ProjectError: see `read_pyproject` and `pinned`.
    """
    versions = pinned(read_pyproject(find_project() or Path.cwd()))
    if versions.contains(__version__, prereleases=True):
        return
    remedy = f"pip install 'lradapt{versions}'"
    if not newer_pin(versions):
        remedy = f"bring the project to it: lradapt upgrade; or go back: {remedy}"
    log.warning(
        "%s asks for lradapt%s, and %s is installed; %s", FILE, versions, __version__, remedy
    )
