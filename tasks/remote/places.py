"""Paths that come from another machine: each must be that of a file in this project."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath, PureWindowsPath

from lradapt.errors import LradaptError, listed

_OF_PROGRAMS = {".git", ".dvc"}
"""Folders of git and DVC, whose files name commands that they run."""


class OutsideError(LradaptError):
    """A path from another machine leads out of the project; nothing was written."""


def require_inside(paths: Iterable[str]) -> None:
    """Check that each path is that of a file in the current folder, also where it has links.

    Raises:
        OutsideError: some are not; the message lists all.
    """
    root = Path.cwd().resolve()
    outside = [repr(path) for path in paths if not _is_inside(path, root)]
    if outside:
        raise OutsideError(
            "another machine sends files for places that are not in this project, or that belong "
            f"to git or DVC; nothing was written:\n{listed(outside)}"
        )


def _is_inside(path: str, root: Path) -> bool:
    parts = {*PurePosixPath(path).parts, *PureWindowsPath(path).parts}
    if ".." in parts or "\0" in path or not PurePosixPath(path).parts:
        return False
    if PurePosixPath(path).is_absolute() or PureWindowsPath(path).anchor:
        return False
    if PurePosixPath(path).parts[0].lower() in _OF_PROGRAMS:
        return False
    place = root / path
    return not place.is_symlink() and place.parent.resolve().is_relative_to(root)
