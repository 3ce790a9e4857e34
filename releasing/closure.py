"""The packages that an installed lradapt needs, with its extras: no tool of its development."""

from collections.abc import Iterable, Mapping
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

OF_DEVELOPMENT = ("bench", "dev", "docs")
"""Extras that nobody needs who uses lradapt."""


def requirements_of(project: Mapping[str, Any]) -> list[Requirement]:
    """Return what `[project]` of pyproject.toml requires, without the tools of its development."""
    extras = project["optional-dependencies"]
    kept = [texts for extra, texts in extras.items() if extra not in OF_DEVELOPMENT]
    texts = [text for part in (project["dependencies"], *kept) for text in part]
    found = [Requirement(text) for text in texts]
    return [each for each in found if each.name != project["name"]]  # its own extras


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """Return the installed packages that these requirements need, directly or not.

    Markers are evaluated for this interpreter; a package that is not installed is left out.

    Returns:
        Names as package indexes normalise them.
    """
    waiting, seen = list(requirements), set()
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        for extra in {"", *each.extras}:
            if (name, extra) not in seen and (needed := _needed(name, extra)) is not None:
                seen.add((name, extra))
                waiting += needed
    return {name for name, _ in seen}


def _needed(name: str, extra: str) -> list[Requirement] | None:
    """Return what a package requires with one extra, or none; None if it is not installed."""
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return None
    found = map(Requirement, texts)
    return [each for each in found if not each.marker or each.marker.evaluate({"extra": extra})]
