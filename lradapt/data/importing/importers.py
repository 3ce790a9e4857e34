"""Importers: each makes an images folder and `labels.csv`.

A failed import changes nothing, see `atomic_import`.
"""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lradapt.data.importing.atomic_import import Sink, replace_whole
from lradapt.data.importing.source_labels import SourceLabels
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import as_read
from lradapt.errors import DataError
from lradapt.runtime.progress import tracked
from lradapt.text import printable


def import_files(source: SourceLabels, *, images: Path, labels: Path) -> SourceLabels:
    """Import the labelled files of a folder or table, see `label_folder` and `label_table`.

    Every file that has a label is imported, also one that is no image: `ingest` reports it.

    Raises:
        DataError: two names are one on this disk, such as `A.png` and `a.png` on macOS.
    """
    found = replace_whole(images, labels, lambda sink: _all_copied(source, sink))
    return SourceLabels(images, found, source.left_behind, source.notes, source.licence)


def import_digits(*, images: Path, labels: Path) -> SourceLabels:
    """Import the 1,797 handwritten digits (8 x 8, grey) that scikit-learn contains."""
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    digits = load_digits()

    def fill(sink: Sink) -> list[LabelledImage]:
        found = []
        for index, (grid, digit) in enumerate(zip(digits.images, digits.target, strict=True)):
            name = f"{digit}/{index:04d}.png"
            Image.fromarray((grid * 255 / 16).round().astype(np.uint8)).save(sink(name))
            found.append(LabelledImage(name, str(digit)))
        return found

    return SourceLabels(images, replace_whole(images, labels, fill), [])


def import_cifar10(*, cache: Path, images: Path, labels: Path) -> SourceLabels:
    """Import CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split.

    Raises:
        DataError: it is not in `cache` and cannot be downloaded.
    """
    from torchvision.datasets import CIFAR10

    try:
        parts = {
            split: CIFAR10(str(cache), train=split == "train", download=True)
            for split in ("train", "test")
        }
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CIFAR-10 is not in {cache} and cannot be downloaded ({error}); if you have the "
            "images in folders: `lradapt import folder PATH`"
        ) from error
    found = replace_whole(images, labels, lambda sink: _all_saved(parts, sink))
    return SourceLabels(images, found, [])


def _all_saved(parts: dict[str, Any], sink: Sink) -> list[LabelledImage]:
    total = sum(map(len, parts.values()))
    with tracked(_saved(parts, sink), "import", total=total, unit="images") as shown:
        return list(shown)


def _saved(parts: dict[str, Any], sink: Sink) -> Iterator[LabelledImage]:
    for split, part in parts.items():
        for index, (image, target) in enumerate(part):
            label = part.classes[target]
            name = f"{split}/{label}/{index:05d}.png"
            image.save(sink(name))
            yield LabelledImage(name, label, split=split)


def _all_copied(source: SourceLabels, sink: Sink) -> list[LabelledImage]:
    with tracked(source.labels, "import", total=len(source.labels), unit="images") as labels:
        return [_copied(source.folder / label.image, label, sink) for label in labels]


def _copied(file: Path, label: LabelledImage, sink: Sink) -> LabelledImage:
    name = as_read(label.image)
    if sink(name).exists():
        raise DataError(
            f"two files have one name on this disk, {printable(name)} (perhaps in other capitals); "
            f"rename {printable(str(file))}"
        )
    shutil.copyfile(file, sink(name))
    return replace(label, image=name, label=as_read(label.label))
