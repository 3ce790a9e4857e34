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

from lradapt.data.ingest import list_files
from lradapt.data.labels import Label, leads_outside, read_csv, require_columns, write_labels
from lradapt.errors import DataError, listed

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

    Folders within a class are allowed. Hidden files stay behind. Every other file is brought, also
    one that is no image: `ingest` names it and its fault.

    Raises:
        DataError: no folder, no file, or fewer than two classes.
    """
    files = list_files(source)
    sides = _given_sides([name for name in files if not _hidden(name)])
    brought = [n for n in files if not _hidden(n) and n.count("/") > (1 if sides else 0)]
    found = [_labelled(name, sides) for name in brought]
    classes = {label.label for label in found}
    if len(classes) < 2:
        raise DataError(
            f"{source} holds {len(classes)} class folder(s); expected {source}/CLASS/IMAGE "
            f"with at least 2 classes, got {', '.join(files[:3])} ..."
        )
    found = _replace_whole(
        images,
        labels,
        lambda sink: [_copied(source / label.image, label, sink) for label in found],
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
        DataError: a missing column, a name that leads outside `folder`, that no file or more than
            one bears, that stands in two lines, or a line without a label; all are named at once.
    """
    lines = read_csv(table)
    columns = [image_column, label_column, *([group_column] if group_column else [])]
    require_columns(lines, columns, table)
    find = _Finder(folder)
    found, faults = _matched(lines[columns].itertuples(index=False), find)
    repeats = [
        image for image, count in Counter(label.image for label in found).items() if count > 1
    ]
    faults += [f"{image}: stands in more than one line" for image in repeats]
    if faults or not found:
        raise DataError(
            f"{table} has {len(faults)} fault(s) in {len(lines)} lines; mend or remove the lines:\n"
            + listed(faults)
        )
    brought = {label.image for label in found}
    found = _replace_whole(
        images,
        labels,
        lambda sink: [_copied(folder / label.image, label, sink) for label in found],
    )
    return Imported(found, sorted(set(list_files(folder)) - brought))


def _matched(lines: Iterable[Any], find: "_Finder") -> tuple[list[Label], list[str]]:
    found, faults = [], []
    for number, (name, label, *group) in enumerate(lines, start=2):
        try:
            if not label:
                raise DataError("has no label")
            found.append(Label(find(name), label, *group))
        except DataError as error:
            faults.append(f"line {number} ({name}): {error}")
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
    return Imported(_replace_whole(images, labels, lambda sink: list(_saved(parts, sink))), [])


def _saved(parts: dict[str, Any], sink: Sink) -> Iterator[Label]:
    for side, part in parts.items():
        for index, (image, target) in enumerate(part):
            label = part.classes[target]
            name = f"{side}/{label}/{index:05d}.png"
            image.save(sink(name))
            yield Label(name, label, side=side)


class _Finder:
    """Finds a file of a folder by its path, or by its path without the extension."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._names: dict[str, list[str]] = {}
        for name in list_files(folder):
            for key in {name, str(Path(name).with_suffix("").as_posix())}:
                self._names.setdefault(unicodedata.normalize("NFC", key), []).append(name)

    def __call__(self, name: str) -> str:
        if not name or leads_outside(name):
            raise DataError("leads outside the images folder" if name else "the image is empty")
        names = self._names.get(unicodedata.normalize("NFC", name), [])
        if len(names) == 1:
            return names[0]
        if name in names:
            return name
        raise DataError("fits " + ", ".join(names) if names else f"no such file in {self._folder}")


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _given_sides(files: Sequence[str]) -> dict[str, str]:
    """Top folder -> side, where the top folders are those of a split; else empty."""
    tops = {name.split("/")[0] for name in files if "/" in name}
    deep = all(name.count("/") >= 2 for name in files)
    if not deep or len(tops) < 2 or not tops <= _SIDE_FOLDERS.keys():
        return {}
    sides = {top: _SIDE_FOLDERS[top] for top in tops}
    if tops & _EXAM_FOLDERS:  # with a test set, the validation set is there to choose by
        sides |= {top: "tune" for top in tops - _EXAM_FOLDERS if sides[top] == "validation"}
    return sides


def _labelled(name: str, sides: dict[str, str]) -> Label:
    parts = name.split("/")
    if sides:
        return Label(name, parts[1], side=sides[parts[0]])
    return Label(name, parts[0])


def _copied(source: Path, label: Label, sink: Sink) -> Label:
    name = unicodedata.normalize("NFC", label.image)
    shutil.copyfile(source, sink(name))
    return Label(name, unicodedata.normalize("NFC", label.label), label.group, label.side)


def _replace_whole(
    images: Path, labels: Path, fill: Callable[[Sink], Iterable[Label]]
) -> list[Label]:
    fresh = images.with_name(f".{images.name}.importing")
    former = images.with_name(f".{images.name}.former")
    shutil.rmtree(fresh, ignore_errors=True)

    def sink(name: str) -> Path:
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    try:
        found = list(fill(sink))
        if images.exists():
            images.rename(former)
        fresh.rename(images)
        write_labels(labels, found)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(former, ignore_errors=True)
    return found
