"""Labels from the names of folders: `CLASS/*`, or `{train,test}/CLASS/*` with its split."""

from collections.abc import Sequence
from pathlib import Path

from lradapt.data.importing.sources import Found, files_of
from lradapt.data.labels import Label
from lradapt.errors import DataError

_SPLIT_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "test",
    "valid": "test",
    "validation": "test",
    "test": "test",
}
_EXAM_FOLDERS = {"test"}


def label_folder(source: Path) -> Found:
    """The labels of the files below `source`; nothing is written.

    Folders within a class are allowed. Hidden files and files outside the class folders are left.

    Raises:
        DataError: no folder, no file, a link to a folder, fewer than two classes, or a split with
            other folders beside it.
    """
    files = files_of(source)
    sides = _given_splits([name for name in files if not _hidden(name)])
    brought = [n for n in files if not _hidden(n) and n.count("/") > (1 if sides else 0)]
    found = [_labelled(name, sides) for name in brought]
    classes = {label.label for label in found}
    if len(classes) < 2:
        raise DataError(
            f"{source} holds {len(classes)} class folder(s); expected {source}/CLASS/IMAGE "
            f"with at least 2 classes, got {', '.join(files[:3])} ..."
        )
    return Found(found, sorted(set(files) - set(brought)))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _given_splits(files: Sequence[str]) -> dict[str, str]:
    """Top folder -> side, where the top folders are those of a split; else empty.

    Files that lie loose beside or in the folders of a split change nothing.
    """
    tops = {name.split("/")[0] for name in files if name.count("/") >= 2}
    sides = {top: _SPLIT_FOLDERS[top.lower()] for top in tops if top.lower() in _SPLIT_FOLDERS}
    if len(set(sides.values())) < 2:
        return {}
    others = sorted({name.split("/")[0] for name in files if "/" in name} - sides.keys())
    if others:
        raise DataError(
            f"{', '.join(sorted(sides))} look like a split, but {', '.join(others[:5])} stand(s) "
            "beside them; leave only the folders of the split, or only those of the classes"
        )
    exams = {top for top in sides if top.lower() in _EXAM_FOLDERS}
    if exams:  # with a test set, the test set is there to choose by
        sides |= {top: "validation" for top in sides.keys() - exams if sides[top] == "test"}
    return sides


def _labelled(name: str, sides: dict[str, str]) -> Label:
    parts = name.split("/")
    if sides:
        return Label(name, parts[1], split=sides[parts[0]])
    return Label(name, parts[0])
