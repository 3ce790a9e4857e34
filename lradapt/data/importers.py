"""From whatever a person has to the one input form: an images folder and `labels.csv`.

Every importer fills a fresh folder beside the target and swaps it in when it is whole, so that an
import that fails leaves what was there.
"""

import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lradapt.data.image_files import list_files
from lradapt.data.labels import Label, leads_outside, read_csv, require_columns, write_labels
from lradapt.errors import DataError, listed
from lradapt.files import full_disk_told
from lradapt.progress import tracked

_SIDE_FOLDERS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "validation",
}
_EXAM_FOLDERS = {"test"}


class Sink(Protocol):
    """Where an importer puts an image: `sink(name)` is the path to write, below a fresh folder."""

    def __call__(self, name: str) -> Path:
        """The path to write for `name`."""
        ...


@dataclass(frozen=True, slots=True)
class Imported:
    """What an importer brought.

    Attributes:
        labels: a line for each image.
        left_behind: files of the source that were not brought (hidden, or outside class folders).
    """

    labels: list[Label]
    left_behind: list[str]


def import_folder(source: Path, *, images: Path, labels: Path) -> Imported:
    """Bring `source/CLASS/*`; or `source/{train,test}/CLASS/*`, whose split is then kept.

    Folders within a class are allowed. Hidden files and files outside the class folders stay
    behind. Every other file is brought, also one that is no image: `ingest` names its fault.

    Raises:
        DataError: no folder, no file, a link to a folder, fewer than two classes, or a split with
            other folders beside it.
    """
    named = label_folder(source)
    found = _replace_whole(images, labels, lambda sink: _all_copied(source, named.labels, sink))
    return Imported(found, named.left_behind)


def label_folder(source: Path) -> Imported:
    """The labels that `import_folder` would bring; nothing is written.

    Raises:
        DataError: see `import_folder`.
    """
    files = _files_of(source)
    sides = _given_sides([name for name in files if not _hidden(name)])
    brought = [n for n in files if not _hidden(n) and n.count("/") > (1 if sides else 0)]
    found = [_labelled(name, sides) for name in brought]
    classes = {label.label for label in found}
    if len(classes) < 2:
        raise DataError(
            f"{source} holds {len(classes)} class folder(s); expected {source}/CLASS/IMAGE "
            f"with at least 2 classes, got {', '.join(files[:3])} ..."
        )
    return Imported(found, sorted(set(files) - set(brought)))


def import_table(
    table: Path,
    *,
    folder: Path,
    image_column: str,
    label_column: str,
    group_column: str | None,
    images: Path,
    labels: Path,
) -> Imported:
    """Bring the images that a CSV names; a name may lack its extension.

    Raises:
        DataError: no line, a missing column, a name that leads outside `folder`, that no file or
            more than one bears, that stands in two lines, or a line without a label; all are named
            at once.
    """
    named = label_table(
        table,
        folder=folder,
        image_column=image_column,
        label_column=label_column,
        group_column=group_column,
    )
    found = _replace_whole(images, labels, lambda sink: _all_copied(folder, named.labels, sink))
    return Imported(found, named.left_behind)


def label_table(
    table: Path,
    *,
    folder: Path,
    image_column: str,
    label_column: str,
    group_column: str | None,
) -> Imported:
    """The labels that `import_table` would bring; nothing is written.

    Raises:
        DataError: see `import_table`.
    """
    lines = read_csv(table)
    columns = [image_column, label_column, *([group_column] if group_column else [])]
    require_columns(lines, columns, table)
    if lines.empty:
        raise DataError(f"{table} has no lines below its header; expected one for each image")
    files = _files_of(folder)
    found, faults = _matched(lines[columns].itertuples(), _Finder(folder, files))
    repeats = [
        image for image, count in Counter(label.image for label in found).items() if count > 1
    ]
    faults += [f"{image}: stands in more than one line" for image in repeats]
    if faults:
        raise DataError(
            f"{table} has {len(faults)} fault(s) in {len(lines)} lines; mend or remove the lines:\n"
            + listed(faults)
        )
    return Imported(found, sorted(set(files) - {label.image for label in found}))


def _matched(lines: Iterable[Any], find: "_Finder") -> tuple[list[Label], list[str]]:
    found, faults = [], []
    for row, name, label, *group in lines:
        try:
            if not label:
                raise DataError("has no label")
            found.append(Label(find(name), label, *group))
        except DataError as error:
            faults.append(f"line {row + 2} ({name}): {error}")
    return found, faults


def import_digits(*, images: Path, labels: Path) -> Imported:
    """Bring the 1,797 handwritten digits (8 x 8, grey) that scikit-learn ships."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()

    def fill(sink: Sink) -> list[Label]:
        found = []
        for index, (grid, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
            name = f"{digit}/{index:04d}.png"
            Image.fromarray((grid * 255 / 16).round().astype(np.uint8)).save(sink(name))
            found.append(Label(name, str(digit)))
        return found

    return Imported(_replace_whole(images, labels, fill), [])


def import_cifar10(*, cache: Path, images: Path, labels: Path) -> Imported:
    """Bring CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split.

    Raises:
        DataError: it is not in `cache` and cannot be downloaded.
    """
    from torchvision.datasets import CIFAR10

    try:
        parts = {
            side: CIFAR10(str(cache), train=side == "train", download=True)
            for side in ("train", "validation")
        }
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CIFAR-10 is not in {cache} and cannot be downloaded ({error}); where you have the "
            "images as folders: `lradapt import folder PATH`"
        ) from None
    return Imported(_replace_whole(images, labels, lambda sink: _all_saved(parts, sink)), [])


def _all_saved(parts: dict[str, Any], sink: Sink) -> list[Label]:
    total = sum(map(len, parts.values()))
    with tracked(_saved(parts, sink), "import", total=total, unit="images") as shown:
        return list(shown)


def _saved(parts: dict[str, Any], sink: Sink) -> Iterator[Label]:
    for side, part in parts.items():
        for index, (image, target) in enumerate(part):
            label = part.classes[target]
            name = f"{side}/{label}/{index:05d}.png"
            image.save(sink(name))
            yield Label(name, label, side=side)


class _Finder:
    """Finds a file of a folder by its path in NFC, or by its path without the extension."""

    def __init__(self, folder: Path, files: Iterable[str]) -> None:
        self._folder = folder
        self._names: dict[str, list[str]] = {}
        for name in files:
            for key in {name, str(Path(name).with_suffix("").as_posix())}:
                self._names.setdefault(unicodedata.normalize("NFC", key), []).append(name)

    def __call__(self, name: str) -> str:
        if not name or leads_outside(name):
            raise DataError("leads outside the images folder" if name else "the image is empty")
        names = self._names.get(name, [])
        if len(names) == 1:
            return names[0]
        exact = [found for found in names if unicodedata.normalize("NFC", found) == name]
        if len(exact) == 1:
            return exact[0]
        raise DataError("fits " + ", ".join(names) if names else f"no such file in {self._folder}")


def _files_of(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; expected the folder that holds the images")
    files = list_files(folder)
    links = [name for name in files if (folder / name).is_dir()]
    if links:
        raise DataError(
            f"{len(links)} link(s) to folders in {folder} are not followed; "
            "put the folders themselves there:\n" + listed(links)
        )
    return files


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _given_sides(files: Sequence[str]) -> dict[str, str]:
    """Top folder -> side, where the top folders are those of a split; else empty.

    Files that lie loose beside or in the folders of a split change nothing.
    """
    tops = {name.split("/")[0] for name in files if name.count("/") >= 2}
    sides = {top: _SIDE_FOLDERS[top.lower()] for top in tops if top.lower() in _SIDE_FOLDERS}
    if len(set(sides.values())) < 2:
        return {}
    others = sorted({name.split("/")[0] for name in files if "/" in name} - sides.keys())
    if others:
        raise DataError(
            f"{', '.join(sorted(sides))} look like a split, but {', '.join(others[:5])} stand(s) "
            "beside them; leave only the folders of the split, or only those of the classes"
        )
    exams = {top for top in sides if top.lower() in _EXAM_FOLDERS}
    if exams:  # with a test set, the validation set is there to choose by
        sides |= {top: "tune" for top in sides.keys() - exams if sides[top] == "validation"}
    return sides


def _labelled(name: str, sides: dict[str, str]) -> Label:
    parts = name.split("/")
    if sides:
        return Label(name, parts[1], side=sides[parts[0]])
    return Label(name, parts[0])


def _all_copied(folder: Path, labels: Sequence[Label], sink: Sink) -> list[Label]:
    with tracked(labels, "import", total=len(labels), unit="images") as shown:
        return [_copied(folder / label.image, label, sink) for label in shown]


def _copied(source: Path, label: Label, sink: Sink) -> Label:
    name = _as_read(label.image)
    if sink(name).exists():
        raise DataError(f"two files become one, {name}, once spelt alike (NFC); rename {source}")
    shutil.copyfile(source, sink(name))
    return Label(name, _as_read(label.label), label.group, label.side)


def _as_read(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()  # as `read_csv` will give it back


def _replace_whole(
    images: Path, labels: Path, fill: Callable[[Sink], Iterable[Label]]
) -> list[Label]:
    fresh = images.with_name(f".{images.name}.importing")
    former = images.with_name(f".{images.name}.former")
    shutil.rmtree(fresh, ignore_errors=True)
    _recover(images, former)

    def sink(name: str) -> Path:
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    try:
        with full_disk_told(images):
            found = list(fill(sink))
        if images.exists():
            images.rename(former)
        fresh.rename(images)
        try:
            write_labels(labels, found)
        except BaseException:
            images.rename(fresh)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _recover(images, former)
    return found


def _recover(images: Path, former: Path) -> None:
    """Put `former` back where `images` is gone (an import was killed); else drop it."""
    if former.exists() and not images.exists():
        former.rename(images)
    shutil.rmtree(former, ignore_errors=True)
