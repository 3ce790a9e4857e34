"""Copy a folder that others write to, images and labels, into the project.

The folder has `images/` and `labels.csv`, as the project has. Images are copied if they
differ in size or time (or, on request, in content), and files that are missing there are removed,
so that a second run on 100,000 images is fast. Labels are compared by content. Nothing is changed
before the whole folder has been checked. The labels are read once: those that were checked are
written, whatever happens to the folder in the meantime.
"""

import os
import shutil
import stat
from pathlib import Path
from unicodedata import normalize

from lradapt.data.images.file_names import require_plain_names
from lradapt.data.images.files import list_files
from lradapt.data.labelled_image import class_names
from lradapt.data.labels import class_sizes, parse_labels
from lradapt.errors import DataError, listed
from lradapt.runtime.files import sha256_of, write_bytes


def copy_images(source: Path, *, images: Path, labels: Path, by_content: bool = False) -> int:
    """Make `images` and `labels` equal to `source/images` and `source/labels.csv`.

    Args:
        source: the folder.
        images: of the project.
        labels: of the project; always compared by content.
        by_content: compare the images by content, not by size and time.

    Returns:
        The number of files that were copied or removed.

    Raises:
        DataError: the folder, its labels or its images are missing, the labels or the names of the
            files have faults, or some name no image, or name one class where there were several:
            the folder may be incomplete, or its drive not mounted.
    """
    table = _labels_of(source)
    names = _checked(source, table, labels)
    here = list_files(images) if images.is_dir() and any(images.iterdir()) else []
    removed = set(here) - set(names)
    same = _same_content if by_content else _same
    differing = [name for name in names if not same(source / "images" / name, images / name)]
    for name in removed:  # first: a folder may have become a file
        _remove(images / name, images)
    for name in differing:
        _copy(source / "images" / name, images / name)
    return len(removed) + len(differing) + _write_labels(table, labels)


def _labels_of(source: Path) -> bytes:
    if not source.is_dir():
        raise DataError(
            f"no folder {source} to copy the data from; check that its drive is mounted"
        )
    try:
        return (source / "labels.csv").read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"no file labels.csv in {source}; nothing was copied") from error


def _checked(source: Path, table: bytes, present: Path) -> list[str]:
    labels = parse_labels(table, source / "labels.csv")
    classes = class_names(labels)
    if len(classes) < 2 and present.is_file() and len(class_sizes(present)) > 1:
        raise DataError(
            f"{source / 'labels.csv'} has {len(classes)} class(es), and {present} has several: a "
            "training would be refused; nothing was copied. Wait until the folder is complete"
        )
    names = list_files(source / "images")
    require_plain_names(source / "images", names)
    known = {normalize("NFC", name) for name in names}
    missing = [label.image for label in labels if label.image not in known]
    if missing:
        raise DataError(
            f"{len(missing)} of {len(labels)} labels in {source / 'labels.csv'} name no file in "
            f"{source / 'images'}; nothing was copied. Wait until the folder is complete\n"
            + listed(missing)
        )
    return names


def _same(one: Path, other: Path) -> bool:
    try:
        there, here = one.lstat(), other.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (there.st_size, there.st_mtime_ns) == (here.st_size, here.st_mtime_ns)


def _same_content(one: Path, other: Path) -> bool:
    if not _same_kind(one, other):
        return False
    return (
        os.readlink(one) == os.readlink(other)
        if one.is_symlink()
        else sha256_of(one) == sha256_of(other)
    )


def _same_kind(one: Path, other: Path) -> bool:
    try:
        there, here = one.lstat(), other.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return (there.st_size, stat.S_IFMT(there.st_mode)) == (here.st_size, stat.S_IFMT(here.st_mode))


def _remove(path: Path, root: Path) -> None:
    path.unlink()
    for folder in path.parents:
        if folder == root or any(folder.iterdir()):
            return
        folder.rmdir()


def _copy(source: Path, target: Path) -> None:
    """Replace the target by a new file: DVC's cache may link to the old one.

    A link stays a link, so that `ingest` can check where it leads.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.copy2(source, partial, follow_symlinks=False)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def _write_labels(table: bytes, target: Path) -> int:
    if target.is_file() and table == target.read_bytes():
        return 0
    write_bytes(target, table)
    return 1
