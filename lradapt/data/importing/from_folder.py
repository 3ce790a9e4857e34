"""Labels from the names of folders: `CLASS/*`, or `{train,test}/CLASS/*` with its split."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePosixPath

from lradapt.data.images.file_names import require_plain_names
from lradapt.data.importing.layouts import Layout, Tree, choose_reading, grow_tree
from lradapt.data.importing.source_labels import SourceLabels, files_of
from lradapt.data.label_faults import group_fault, name_fault
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import as_read
from lradapt.data.similar_groups import note_on_groups
from lradapt.errors import DataError, listed
from lradapt.text import printable

_NO_IMAGES = frozenset((".pdf", ".ps", ".mpg", ".mpeg", ".h5", ".hdf", ".bufr", ".grib"))
_MORE_IMAGES = (".heic", ".heif", ".dcm", ".dicom", ".nii", ".jxl", ".dng", ".cr2", ".nef", ".arw")
_FEW = 20


def label_folder(
    source: Path, *, layout: Layout | None = None, splits: Mapping[str, str] | None = None
) -> SourceLabels:
    """Label the files below `source` by their folders; nothing is written.

    Folders within a class are allowed. Hidden files and files outside of class folders are left.

    Args:
        source: the folder.
        layout: what its levels mean; None: find it.
        splits: folder -> split, for folders whose names do not tell.

    Raises:
        DataError: no folder, no file, a link to a folder, fewer than two classes, more than one
            reading of the folders, a control character in the name of a file, a class or
            a group, or two files of one name in Unicode NFC.
    """
    files = files_of(source)
    visible = [name for name in files if not _hidden(name)]
    images = _images(source, visible)
    tree = grow_tree(visible, images)
    roots = _roots(images)
    reading = choose_reading(source, tree, layout=layout, splits=splits or {}, roots=roots)
    as_written = [
        label
        for name in visible
        if name.split("/")[0] not in tree.bare and (label := reading.label(name))
    ]
    found = [
        replace(label, label=as_read(label.label), group=as_read(label.group))
        for label in as_written
    ]
    classes = sorted({label.label for label in found})
    _require_plain_folders(source, "classes", map(name_fault, classes))
    groups = sorted({label.group for label in found})
    _require_plain_folders(source, "groups", map(group_fault, groups))
    if len(classes) < 2:
        hints = [f"only {root} is meant: give {source / root}" for root in roots[:5]]
        raise DataError(
            f"{source} has {len(classes)} class folder(s); expected {source}/CLASS/IMAGE "
            f"with at least 2 classes, got {printable(', '.join(files[:3]))} ..."
            + (f"\n{listed(hints)}" if hints else "")
        )
    require_plain_names(source, [label.image for label in found])
    left = sorted(set(files) - {label.image for label in found})
    notes = [reading.words, *_inner_folders(tree, reading.layout), *_one_class(as_written)]
    notes += note_on_groups(label.group for label in found)
    return SourceLabels(source, found, left, tuple(notes))


def _require_plain_folders(source: Path, what: str, checked: Iterable[str]) -> None:
    faults = [fault for fault in checked if fault]
    if faults:
        raise DataError(f"{len(faults)} folder(s) of {source} cannot be {what}:\n{listed(faults)}")


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


@cache
def image_endings() -> frozenset[str]:
    """Return the endings of images, in lower case and with their dots."""
    from PIL import Image

    return frozenset((Image.registered_extensions().keys() - _NO_IMAGES) | set(_MORE_IMAGES))


def _images(source: Path, names: Sequence[str]) -> list[str]:
    """Return the names that look like those of images; in a folder of other names, by content."""
    known = image_endings()
    images = [name for name in names if PurePosixPath(name.strip()).suffix.lower() in known]
    with_image = {PurePosixPath(name).parent for name in images}
    others: defaultdict[PurePosixPath, list[str]] = defaultdict(list)
    for name in names:
        parent = PurePosixPath(name).parent
        if parent not in with_image:
            others[parent].append(name)
    for inside in others.values():
        if any(_is_image(source / name) for name in inside[:_FEW]):
            images += inside
    return images


def _is_image(path: Path) -> bool:
    from PIL import Image

    from lradapt.data.images.optional_formats import is_dicom

    try:
        with path.open("rb") as file:
            if is_dicom(file.read(132)):
                return True
        with Image.open(path):
            return True
    except Exception:  # noqa: BLE001 whatever a decoder raises, it is no image
        return False


def _roots(images: Sequence[str]) -> list[str]:
    """Return the folders that hold several folders of images, and those that hold several such."""
    inside: defaultdict[PurePosixPath, set[PurePosixPath]] = defaultdict(set)
    for parent in {PurePosixPath(name).parent for name in images}:
        inside[parent.parent].add(parent)
    roots = {root for root, parents in inside.items() if len(parents) > 1 and root.parts}
    above = Counter(root.parent for root in roots if root.parent.parts)
    roots |= {root for root, count in above.items() if count > 1}
    return [str(root) for root in sorted(roots, key=lambda root: (len(root.parts), root))]


def _one_class(labels: Sequence[LabelledImage]) -> list[str]:
    """Return a note for each class that several folders make, which differ in space or Unicode."""
    spellings: defaultdict[str, set[str]] = defaultdict(set)
    for label in labels:
        spellings[as_read(label.label)].add(label.label)
    return [
        f"the folders {', '.join(map(repr, sorted(found)))} are one class, {name!r}"
        for name, found in spellings.items()
        if len(found) > 1
    ]


def _inner_folders(tree: Tree, layout: Layout) -> list[str]:
    """Return a note for the classes whose images are all in folders within them."""
    deep = [top for top in tree.tops if not tree.flat[top]] if layout == "class" else []
    return [
        f"the folders in {top} ({', '.join(sorted(tree.below[top])[:3])}) are all of this class"
        for top in deep[:5]
    ]
