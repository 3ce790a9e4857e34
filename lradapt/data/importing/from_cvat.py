"""Labels from CVAT's export in the format ImageNet 1.0, with its images or without.

With images: a folder for each label, and `no_label` for images without a tag. An image of several
tags is in several folders. Without: `SUBSET.txt` with the file and the numbers of its labels on
each line, and `synsets.txt` with the names of the labels, the first of which has the number 0.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lradapt.data.importing.source_labels import SourceLabels, files_of
from lradapt.data.importing.split_names import read_split_names, without_unused_test
from lradapt.data.importing.tool_entries import Entry, Export, label_export
from lradapt.data.labelled_image import TRAIN
from lradapt.errors import DataError
from lradapt.runtime.files import sha256_of

_LABELS, _WITHOUT_LABEL, _IMAGES = "synsets.txt", "no_label", "images"
_LINE = re.compile(
    r'(?:"(?P<quoted>.+)"(?P<ending>\S*)|(?P<plain>[^\s"]\S*))(?P<numbers>(?:\s+\d+)*)'
)
_OTHERS: Mapping[str, str] = {
    # a file of an export -> the format of that export
    "annotations.xml": "CVAT for images or video",
    "annotations/instances_*.json": "COCO (`lradapt import coco` reads its JSON files)",
    "annotations/*.json": "COCO or Datumaro",
    "ImageSets/**/*.txt": "Pascal VOC",
    "labelmap.txt": "Segmentation mask",
    "obj.names": "YOLO",
    "data.yaml": "Ultralytics YOLO",
    "*/labels.json": "Ultralytics YOLO Classification",
    "project.json": "a backup of CVAT",
    "task.json": "a backup of CVAT",
    "metadata.*": "Hugging Face imagefolder (`lradapt import imagefolder`)",
}


def label_cvat(folder: Path, *, images: Path | None = None, shown: Path) -> SourceLabels:
    """Label files by an unpacked export of CVAT; nothing is written.

    Args:
        folder: the export.
        images: their folder, for an export without images; None: `folder/images`.
        shown: the export in messages, as it may be an archive.

    Raises:
        DataError: an export in another format, or faults in it; the message names all.
    """
    _require_imagenet(folder, shown)
    if not (folder / _LABELS).is_file():
        if images:
            raise DataError(f"{shown} has its images in it; leave out --images {images}")
        return label_export(replace(_with_images(folder), path=shown), folder, inside=True)
    of_export = folder / _IMAGES
    if images is None and not of_export.is_dir():
        raise DataError(
            f"{shown} has labels and no images: give the folder of the images as --images, or "
            "export it with `Save images`"
        )
    export = replace(_without_images(folder), path=shown)
    return label_export(export, images or of_export, inside=images is None)


def _require_imagenet(folder: Path, shown: Path) -> None:
    if (folder / _LABELS).is_file():
        return
    found = [kind for pattern, kind in _OTHERS.items() if any(folder.glob(pattern))]
    classes = [each for each in folder.iterdir() if each.is_dir() and each.name[0] not in "._"]
    if found or not classes:
        raise DataError(
            f"{shown} is not an export of CVAT in the format ImageNet 1.0: "
            + (f"found {found[0]}" if found else "no folder of a label, and no synsets.txt")
            + "; in CVAT, Export dataset, choose ImageNet 1.0, with Save images"
        )


def _with_images(folder: Path) -> Export:
    """Return what the folders say: `LABEL/IMAGE`."""
    names = [name for name in files_of(folder) if _is_shown(name)]
    labelled = [name for name in names if "/" in name and name.split("/")[0] != _WITHOUT_LABEL]
    entries = [Entry(f"folder {n.split('/')[0]}", n, n.split("/")[0]) for n in labelled]
    bare = sum(name.startswith(f"{_WITHOUT_LABEL}/") for name in names)
    return Export(
        folder,
        entries,
        _several_labels(folder, labelled),
        ["read as ImageNet 1.0 of CVAT, a folder for each label", *_note_on_bare(bare)],
    )


def _is_shown(name: str) -> bool:
    return not any(part.startswith((".", "__MACOSX")) for part in name.split("/"))


def _several_labels(folder: Path, names: Sequence[str]) -> list[str]:
    """Return a fault for each image that is, as the same file, in the folders of several labels."""
    same_name: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        label, _, rest = name.partition("/")
        same_name[rest.removeprefix(f"{label}_")].append(name)
    return [
        f"{image} has {len(labels)} labels: {', '.join(labels)}; expected one"
        for image, each in same_name.items()
        if len(each) > 1
        for labels in _labels_by_content(folder, each)
        if len(labels) > 1
    ]


def _labels_by_content(folder: Path, names: Sequence[str]) -> list[list[str]]:
    """Return the labels of each content; images of two tasks may have one name."""
    labels: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        labels[sha256_of(folder / name)].append(name.split("/")[0])
    return list(labels.values())


def _without_images(folder: Path) -> Export:
    """Return what the lists say: `IMAGE NUMBER` on a line, in a file for each subset."""
    labels = _text(folder / _LABELS).splitlines()
    lists = sorted(path for path in folder.glob("*.txt") if path.name != _LABELS)
    split_of = _splits([path.stem for path in lists])
    lines = [(path, *line) for path in lists for line in _lines(path)]
    entries, faults, bare = [], [], 0
    for path, number, text in lines:
        where = f"{path.name} line {number}"
        image, numbers = _parsed(text)
        bare += bool(image) and not numbers
        if fault := _fault(image, numbers, labels):
            faults.append(f"{where} ({image or text}): {fault}")
        elif numbers:
            label = labels[int(numbers[0])]
            entries.append(Entry(where, image, label, split=split_of.get(path.stem, "")))
    notes = [f"read as ImageNet 1.0 of CVAT, {len(labels)} labels in {_LABELS}"]
    return Export(folder, entries, faults, [*notes, *_notes_on(split_of), *_note_on_bare(bare)])


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    lines = _text(path).splitlines()
    return ((number, text) for number, text in enumerate(lines, start=1) if text.strip())


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path.name} is not text in UTF-8 ({error}); export it again") from error


def _parsed(text: str) -> tuple[str, list[str]]:
    """Return the image and the numbers of a line; names with a space are in quotes."""
    found = _LINE.fullmatch(text.strip())
    if not found:
        return "", []
    image = found["plain"] or found["quoted"] + found["ending"]
    return image, found["numbers"].split()


def _fault(image: str, numbers: Sequence[str], labels: Sequence[str]) -> str:
    if not image:
        return "expected the file, and the number of its label"
    unknown = [number for number in numbers if int(number) >= len(labels)]
    if unknown:
        return f"no label has the number {', '.join(unknown)}; {_LABELS} has {len(labels)}"
    if len(set(numbers)) > 1:
        names = ", ".join(labels[int(number)] for number in numbers)
        return f"has {len(set(numbers))} labels: {names}; expected one"
    return ""


def _splits(subsets: Sequence[str]) -> dict[str, str]:
    """Return subset -> split; empty where not every subset has the name of a split."""
    found = read_split_names(subsets)
    whole = len(found) == len(subsets) and TRAIN in found.values() and len(set(found.values())) > 1
    return without_unused_test(found) if whole else {}


def _notes_on(split_of: Mapping[str, str]) -> list[str]:
    each = ", ".join(f"{subset!r} is {split}" for subset, split in split_of.items())
    return [f"subsets: {each}"] if split_of else []


def _note_on_bare(bare: int) -> list[str]:
    return [f"{bare:,} image(s) without a label are left out"] if bare else []
