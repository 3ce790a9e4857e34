"""What an export of a labelling tool says of images: the files are found, all faults are listed."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lradapt.data.consensus import keep_annotators, merge_lines
from lradapt.data.images.file_names import require_plain_names
from lradapt.data.importing.find_files import FileFinder
from lradapt.data.importing.source_labels import SourceLabels, files_of
from lradapt.data.label_faults import name_fault, require_plain_group
from lradapt.data.labelled_image import Annotation, LabelledImage
from lradapt.data.labels import as_read
from lradapt.data.similar_groups import note_on_groups
from lradapt.errors import DataError, listed

_URL = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Entry:
    """One statement of an export: this image is of this class.

    Attributes:
        where: it is in the export, for messages, such as "task 3".
        image: path of the image, as the export has it.
        label: the class.
        group: patient or lesion; empty where none is given.
        split: the same.
        annotator: who says it; empty where that is not known.
        others: names of the image that are tried where `image` fits no file.
    """

    where: str
    image: str
    label: str
    group: str = ""
    split: str = ""
    annotator: str = ""
    others: tuple[str, ...] = ()


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
            no file or several, a class without a name, an image of several classes. Or see
            `require_plain_names`.
    """
    files = files_of(folder)
    find = FileFinder(folder, files, export.path)
    find.learn_prefix([entry.image for entry in export.entries])
    places, faults = _matched(export.entries, find)
    labels, disagreements = merge_lines(places, "entries")
    faults = [*export.faults, *faults, *disagreements]
    if faults:
        hint = "" if inside else f" (or is --images another folder than {folder}?)"
        raise DataError(
            f"{export.path} has {len(faults)} fault(s), and nothing was imported; correct or "
            f"remove them{hint}:\n{listed(faults)}"
        )
    if not labels:
        raise DataError(
            f"{export.path} gives no image a class" + "".join(f"; {note}" for note in export.notes)
        )
    require_plain_names(export.path if inside else folder, [label.image for label in labels])
    left = sorted(set(files) - {label.image for label in labels})
    labels, on_annotators = keep_annotators(labels)
    on_groups = note_on_groups(label.group for label in labels)
    notes = (*export.notes, *on_annotators, *find.notes(), *on_groups)
    archive = str(export.path) if inside else ""
    return SourceLabels(folder, labels, left, notes, export.licence, archive)


def _matched(
    entries: Sequence[Entry], find: FileFinder
) -> tuple[dict[LabelledImage, str], list[str]]:
    """Return the labelled image of each entry with its first place, and all faults."""
    places: dict[LabelledImage, str] = {}
    faults: list[str] = []
    uploads: defaultdict[str, set[str]] = defaultdict(set)
    annotated = any(entry.annotator for entry in entries)
    known: dict[str, str] = {}
    for entry in entries:
        try:
            file = known.get(entry.image) or _file(entry, find)
            label = _class(entry.label)
            require_plain_group(entry.group)
        except DataError as error:
            faults.append(f"{entry.where} ({entry.image or 'no image'}): {error}")
            continue
        known[entry.image] = file
        uploads[file].add(entry.image)
        said = (Annotation(entry.annotator, label),) if annotated else ()
        image = LabelledImage(file, label, entry.group, entry.split, annotations=said)
        places.setdefault(image, entry.where)
    return places, [*faults, *_shared_files(uploads)]


def _shared_files(uploads: dict[str, set[str]]) -> list[str]:
    return [
        f"{file} is the file of several images: {', '.join(sorted(images))}; give the folder in "
        "which they have these names as --images"
        for file, images in uploads.items()
        if len(images) > 1
    ]


def _file(entry: Entry, find: FileFinder) -> str:
    if _URL.match(entry.image):
        raise DataError(
            "is a URL, and nothing is downloaded: download the images into a folder, and give it "
            "as --images"
        )
    names = [as_read(name) for name in (entry.image, *entry.others)]
    fitting = (name for name in names if find.count([name])) if entry.others else iter(names)
    return find(next(fitting, names[0]))


def _class(label: str) -> str:
    name = as_read(label)
    if not name:
        raise DataError("the class is empty")
    if fault := name_fault(name):
        raise DataError(fault)
    return name
