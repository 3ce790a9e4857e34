"""Labels from the names of folders: `CLASS/*`, or `{train,test}/CLASS/*` with its split."""

from collections.abc import Sequence
from pathlib import Path

from lradapt.data.importing.sources import SourceLabels, files_of
from lradapt.data.labelled_image import TEST, TRAIN, VALIDATION, LabelledImage
from lradapt.errors import DataError

_SPLIT_FOLDERS = {
    "train": TRAIN,
    "training": TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    "validation": VALIDATION,
    "test": TEST,
}


def label_folder(source: Path) -> SourceLabels:
    """Label the files below `source` by their folders; nothing is written.

    Folders within a class are allowed. Hidden files and files outside of class folders are left.

    Raises:
        DataError: no folder, no file, a link to a folder, fewer than two classes, or other folders
            beside those of a split.
    """
    files = files_of(source)
    split_of = _given_splits([name for name in files if not _hidden(name)])
    imported = [n for n in files if not _hidden(n) and n.count("/") > (1 if split_of else 0)]
    found = [_labelled(name, split_of) for name in imported]
    classes = {label.label for label in found}
    if len(classes) < 2:
        raise DataError(
            f"{source} has {len(classes)} class folder(s); expected {source}/CLASS/IMAGE "
            f"with at least 2 classes, got {', '.join(files[:3])} ..."
        )
    return SourceLabels(source, found, sorted(set(files) - set(imported)))


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _given_splits(files: Sequence[str]) -> dict[str, str]:
    """Return top folder -> split, where the top folders are those of a split; else empty.

    Loose files beside or in the folders of a split change nothing.
    """
    tops = {name.split("/")[0] for name in files if name.count("/") >= 2}
    split_of = {top: _SPLIT_FOLDERS[top.lower()] for top in tops if top.lower() in _SPLIT_FOLDERS}
    splits = set(split_of.values())
    if TRAIN not in splits or len(splits) < 2:
        return {}
    others = sorted({name.split("/")[0] for name in files if "/" in name} - split_of.keys())
    if others:
        raise DataError(
            f"{', '.join(sorted(split_of))} look like a split, but there are other folders beside "
            f"them: {', '.join(others[:5])}; keep only the folders of the split, or only those of "
            "the classes"
        )
    if TEST not in splits:  # then the validation folder is what there is to test on
        split_of |= {top: TEST for top, split in split_of.items() if split == VALIDATION}
    return split_of


def _labelled(name: str, split_of: dict[str, str]) -> LabelledImage:
    parts = name.split("/")
    if split_of:
        return LabelledImage(name, parts[1], split=split_of[parts[0]])
    return LabelledImage(name, parts[0])
