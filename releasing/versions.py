"""The version of lradapt where people read it: all places must state the same before a release."""

import re
from pathlib import Path

import yaml

from lradapt import __version__
from lradapt.errors import LradaptError, listed

_SECTION = re.compile(r"^## \[(.+?)\](.*)$", re.MULTILINE)
_UNRELEASED = "Unreleased"


def require_agreement(root: Path) -> None:
    """Check that the package, its changelog and its citation state the same version.

    Args:
        root: of the source tree.

    Raises:
        LradaptError: they do not; or the changelog has changes that belong to no version.
    """
    changelog = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    citation = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    stated = {"CHANGELOG.md": newest(changelog), "CITATION.cff": citation["version"]}
    faults = [
        f"{path}: {found or 'no section of a version'}"
        for path, found in stated.items()
        if found != __version__
    ]
    if unreleased(changelog):
        faults.append(f"CHANGELOG.md: changes below [{_UNRELEASED}]")
    if faults:
        raise LradaptError(
            f"lradapt/__init__.py has the version {__version__}; expected the same in "
            f"CITATION.cff, and in CHANGELOG.md a section `## [{__version__}] - YYYY-MM-DD` with "
            f"all changes, below an empty `## [{_UNRELEASED}]`:\n{listed(faults)}"
        )


def newest(changelog: str) -> str:
    """Return the version of the first section that has one with a date; "" if none has."""
    for name, rest in _SECTION.findall(changelog):
        if re.fullmatch(r" - \d{4}-\d\d-\d\d", rest):
            return str(name)
    return ""


def unreleased(changelog: str) -> str:
    """Return the text of the section of changes that belong to no version."""
    parts = _SECTION.split(changelog)  # text before, then name, rest and text of each section
    texts = {name: text for name, text in zip(parts[1::3], parts[3::3], strict=True)}
    return str(texts.get(_UNRELEASED, "")).strip()
