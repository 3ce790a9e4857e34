"""The name of a project is that of a package: pip, Prefect and git all have to take it."""

import re
import unicodedata
from importlib import metadata

from lradapt.project import ProjectError
from lradapt.text import printable

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST = 50


def name_of(folder: str) -> str:
    """Return the name of a project in a folder of this name: `Fotos für A` -> `fotos-fur-a`.

    Raises:
        ProjectError: no name can be made of it, or another package has that name.
    """
    name = _proposed(folder)
    if not name:
        raise ProjectError(
            f"no name of a project can be made of the folder's name {printable(folder)!r}; "
            "give one with --name, such as --name skin"
        )
    return _unless_taken(name)


def checked_name(name: str) -> str:
    """Return the name if a project can have it.

    Raises:
        ProjectError: it is no name of a package, or another package has it.
    """
    if _NAME.fullmatch(name) and len(name) <= _LONGEST:
        return _unless_taken(name)
    other = _proposed(name)
    proposed = f", such as {other}" if other else ""
    raise ProjectError(
        f"--name {printable(name)!r} is not the name of a package; expected at most {_LONGEST} "
        f"small letters, digits and single hyphens, the first a letter{proposed}"
    )


def _proposed(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    return "-".join(words).lstrip("0123456789-")[:_LONGEST].rstrip("-")


def _unless_taken(name: str) -> str:
    if name in {"lradapt", *_requirements()}:
        raise ProjectError(
            f"a project cannot have the name {name!r}, which is that of a package that it needs; "
            f"give another one with --name, such as --name {name}-project"
        )
    return name


def _requirements() -> set[str]:
    """Return the names of the packages that lradapt needs, with all its extras."""
    try:
        needed = metadata.requires("lradapt") or []
    except metadata.PackageNotFoundError:  # a source tree
        return set()
    names = (re.match(r"[\w.-]+", each) for each in needed)
    return {re.sub(r"[-_.]+", "-", name[0]).lower() for name in names if name}
