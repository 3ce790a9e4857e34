"""What an export of a labelling tool says of images: the files are found, all faults are listed."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lradapt.data.importing.find_files import FileFinder
from lradapt.data.importing.sources import SourceLabels, files_of
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import as_read, name_fault
from lradapt.errors import DataError, listed

_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of an export: this image is of this class.

    Attributes:
        where: it is in the export, for messages, such as "task 3".
        image: path of the image, as the export has it.
        label: the class.
        split: empty where none is given.
    """

    where: str
    image: str
    label: str
    split: str = ""


@dataclass(frozen=True, slots=True)
class Export:
    """The content of an export.

    Attributes:
        path: of the export: a file, a folder or an archive.
        entries: what it says of images.
        faults: of the parts of it that are no entry.
        notes: on how it was read.
        licence: of the images; empty if it is not known.
    """

    path: Path
    entries: Sequence[Entry]
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()
    licence: str = ""


def label_export(export: Export, folder: Path, *, inside: bool = False) -> SourceLabels:
    """Label files of `folder` by the entries of an export; nothing is written.

    Args:
        export: what it says.
        folder: of the images.
        inside: the folder is the export itself, or its content if it is an archive.

    Raises:
        DataError: no entry; or faults of the export, all of them in one message: a name that fits
            no file or several, a class without a name, an image of several classes.
    """
    files = files_of(folder)
    find = FileFinder(folder, files, export.path)
    find.learn_prefix([entry.image for entry in export.entries])
    found, faults = _matched(export.entries, find)
    faults = [*export.faults, *faults, *_several_classes(found)]
    if faults:
        hint = "" if inside else f" (or is --images another folder than {folder}?)"
        raise DataError(
            f"{export.path} has {len(faults)} fault(s), and nothing was imported; correct or "
            f"remove them{hint}:\n{listed(faults)}"
        )
    if not found:
        raise DataError(
            f"{export.path} gives no image a class" + "".join(f"; {note}" for note in export.notes)
        )
    labels = list(dict.fromkeys(label for label, _ in found))
    left = sorted(set(files) - {label.image for label in labels})
    notes = (*export.notes, *find.notes())
    archive = str(export.path) if inside else ""
    return SourceLabels(folder, labels, left, notes, export.licence, archive)


def _matched(
    entries: Sequence[Entry], find: FileFinder
) -> tuple[list[tuple[LabelledImage, str]], list[str]]:
    """Return the labelled image of each entry with its place, and the faults of the others."""
    found, faults = [], []
    for entry in entries:
        try:
            label = LabelledImage(_file(entry.image, find), _class(entry.label), split=entry.split)
            found.append((label, entry.where))
        except DataError as error:
            faults.append(f"{entry.where} ({entry.image or 'no image'}): {error}")
    return found, faults


def _file(image: str, find: FileFinder) -> str:
    if _URL.match(image):
        raise DataError(
            "is a URL, and nothing is downloaded: download the images into a folder, and give it "
            "as --images"
        )
    return find(as_read(image))


def _class(label: str) -> str:
    name = as_read(label)
    if not name:
        raise DataError("the class is empty")
    if fault := name_fault(name):
        raise DataError(fault)
    return name


def _several_classes(found: Sequence[tuple[LabelledImage, str]]) -> list[str]:
    """Return a fault for each image that has several classes, or is in several splits."""
    places: defaultdict[str, dict[LabelledImage, str]] = defaultdict(dict)
    for label, where in found:
        places[label.image].setdefault(label, where)
    return [_disagreement(image, each) for image, each in places.items() if len(each) > 1]


def _disagreement(image: str, places: Mapping[LabelledImage, str]) -> str:
    classes = len({label.label for label in places})
    what = f"has {classes} classes" if classes > 1 else "is in several splits"
    each = (
        f"{label.label if classes > 1 else label.split} ({place})"
        for label, place in places.items()
    )
    return f"{image} {what}: {', '.join(each)}; expected one"
