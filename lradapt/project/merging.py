"""The three-way merge of a project's files: what lradapt changed, with what the user changed."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lradapt.errors import listed
from lradapt.project import ProjectError, git

LABELS = ("yours", "as lradapt made it", "lradapt's now")
_MARK = f"<<<<<<< {LABELS[0]}\n".encode()
_MARKS = "<<<<<<< and >>>>>>>"
_MAY_BE_MARKED = ("*.yaml", "*.toml", "flows/*.py", "tasks/**/*.py")
NEW = ".new"
"""The end of the name of a file beside the user's, where the two cannot be merged."""


@dataclass(frozen=True, slots=True)
class Merged:
    """One file after the merge.

    Attributes:
        path: in the project.
        before: the user's file; None if there is none.
        after: the file as it shall be; None if it shall be removed.
        conflict: what a person has to decide; empty if nothing.
    """

    path: str
    before: bytes | None
    after: bytes | None
    conflict: str = ""


def merge_all(base: Mapping[str, bytes], theirs: Mapping[str, bytes], folder: Path) -> list[Merged]:
    """Merge the files of a project; nothing is written.

    Args:
        base: the files as lradapt made them.
        theirs: the files as the installed lradapt makes them.
        folder: of the project.

    Returns:
        The files that change, in order of their paths.
    """
    merged: list[Merged] = []
    for path in sorted(base.keys() | theirs.keys()):
        ours = _read(folder / path)
        merged += _merge(path, base.get(path), ours, theirs.get(path))
    return [each for each in merged if each.before != each.after or each.conflict]


def require_merged(folder: Path) -> None:
    """Check that no conflict of an upgrade is left in the files that a run reads.

    Raises:
        ProjectError: there is one; the message names the files.
    """
    files = sorted(file for each in _MAY_BE_MARKED for file in folder.glob(each))
    if marked := [str(each.relative_to(folder)) for each in files if _MARK in each.read_bytes()]:
        raise ProjectError(
            f"{len(marked)} file(s) still have both texts of an upgrade, between {_MARKS}; edit "
            f"them, then commit:\n{listed(marked)}"
        )


def _merge(path: str, base: bytes | None, ours: bytes | None, theirs: bytes | None) -> list[Merged]:
    if theirs in (base, ours):
        return []
    if ours == base:
        return [Merged(path, ours, theirs)]
    if theirs is None:
        return [Merged(path, ours, ours, "changed here, removed by lradapt: it was kept")]
    if ours is None:
        found = f"removed here, changed by lradapt: lradapt's is in {path}{NEW}"
        return [Merged(path, None, None, found), Merged(f"{path}{NEW}", None, theirs)]
    return _merge_texts(path, base or b"", ours, theirs)


def _merge_texts(path: str, base: bytes, ours: bytes, theirs: bytes) -> list[Merged]:
    if any(b"\0" in each for each in (base, ours, theirs)):  # git merges text alone
        found = f"not text, and changed on both sides: lradapt's is in {path}{NEW}"
        return [Merged(path, ours, ours, found), Merged(f"{path}{NEW}", None, theirs)]
    with tempfile.TemporaryDirectory() as folder:
        places = [Path(folder, name) for name in ("ours", "base", "theirs")]
        for place, content in zip(places, (ours, base, theirs), strict=True):
            place.write_bytes(content)
        text, conflicts = git.merge(places, LABELS)
    found = f"changed on both sides: {conflicts} marked with <<<<<<<" if conflicts else ""
    return [Merged(path, ours, text, found)]


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
