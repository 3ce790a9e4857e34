"""From whatever a person has to the one input form: an images folder and `labels.csv`.

An import that fails leaves what was there: see `whole_import`.
"""

import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lradapt.data.importing.atomic_import import Sink, replace_whole
from lradapt.data.importing.from_folder import label_folder
from lradapt.data.importing.from_table import label_table
from lradapt.data.importing.sources import Found
from lradapt.data.labels import Label
from lradapt.errors import DataError
from lradapt.runtime.progress import tracked


def import_folder(source: Path, *, images: Path, labels: Path) -> Found:
    """Bring `source/CLASS/*`; or `source/{train,test}/CLASS/*`, whose split is then kept.

    Every file that has a label is brought, also one that is no image: `ingest` names its fault.

    Raises:
        DataError: see `label_folder`.
    """
    named = label_folder(source)
    found = replace_whole(images, labels, lambda sink: _all_copied(source, named.labels, sink))
    return Found(found, named.left_behind)


def import_table(
    table: Path,
    *,
    folder: Path,
    image_column: str,
    label_column: str,
    group_column: str | None,
    images: Path,
    labels: Path,
) -> Found:
    """Bring the images that a CSV names; a name may lack its extension.

    Raises:
        DataError: see `label_table`.
    """
    named = label_table(
        table,
        folder=folder,
        image_column=image_column,
        label_column=label_column,
        group_column=group_column,
    )
    found = replace_whole(images, labels, lambda sink: _all_copied(folder, named.labels, sink))
    return Found(found, named.left_behind)


def import_digits(*, images: Path, labels: Path) -> Found:
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

    return Found(replace_whole(images, labels, fill), [])


def import_cifar10(*, cache: Path, images: Path, labels: Path) -> Found:
    """Bring CIFAR-10 by torchvision's loader; its 50,000 / 10,000 are kept as the split.

    Raises:
        DataError: it is not in `cache` and cannot be downloaded.
    """
    from torchvision.datasets import CIFAR10

    try:
        parts = {
            side: CIFAR10(str(cache), train=side == "train", download=True)
            for side in ("train", "test")
        }
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CIFAR-10 is not in {cache} and cannot be downloaded ({error}); where you have the "
            "images as folders: `lradapt import folder PATH`"
        ) from None
    return Found(replace_whole(images, labels, lambda sink: _all_saved(parts, sink)), [])


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
            yield Label(name, label, split=side)


def _all_copied(folder: Path, labels: Sequence[Label], sink: Sink) -> list[Label]:
    with tracked(labels, "import", total=len(labels), unit="images") as shown:
        return [_copied(folder / label.image, label, sink) for label in shown]


def _copied(source: Path, label: Label, sink: Sink) -> Label:
    name = _as_read(label.image)
    if sink(name).exists():
        raise DataError(f"two files become one, {name}, once spelt alike (NFC); rename {source}")
    shutil.copyfile(source, sink(name))
    return Label(name, _as_read(label.label), label.group, label.split)


def _as_read(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()  # as `read_csv` will give it back
