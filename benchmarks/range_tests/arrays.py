"""The data of the cells: uint8 pixels and labels of a training and a test split."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lradapt.runtime.files import whole_file

Arrays = dict[str, npt.NDArray[Any]]


def digits(num_train: int = 1000, size: int = 24) -> Arrays:
    """Scikit-learn's handwritten digits in a random order, enlarged."""
    from PIL import Image
    from sklearn.datasets import load_digits

    grids, labels = load_digits(return_X_y=True)
    pictures = [
        Image.fromarray((grid.reshape(8, 8) / 16 * 255).round().astype(np.uint8))
        .convert("RGB")
        .resize((size, size), Image.Resampling.BILINEAR)
        for grid in grids
    ]
    order = np.random.default_rng(0).permutation(len(labels))
    pixels = np.stack([np.asarray(image) for image in pictures])[order]
    return _sides(pixels, labels[order], num_train)


def folders(root: Path, *, size: int, num_train: int, num_test: int) -> Arrays:
    """The first images of each class of `train` and `test`."""
    names = sorted(path.name for path in (root / "train").iterdir())
    found = {
        side: [
            (path, label)
            for label, name in enumerate(names)
            for path in sorted((root / side / name).iterdir())[:count]
        ]
        for side, count in (("train", num_train), ("test", num_test))
    }
    both = found["train"] + found["test"]
    labels = np.array([label for _, label in both])
    return _sides(_pixels([path for path, _ in both], size), labels, len(found["train"]))


def lesions(root: Path, *, size: int, num_train: int) -> Arrays:
    """HAM10000: a sixth of the lesions for the test, some images of the others for training."""
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["dx"] for row in rows})
    rows.sort(key=lambda row: (_hash(row["lesion_id"]), row["image_id"]))
    train = [row for row in rows if int(_hash(row["lesion_id"]), 16) % 6][:num_train]
    test = [row for row in rows if int(_hash(row["lesion_id"]), 16) % 6 == 0]
    paths = [root / "images" / f"{row['image_id']}.jpg" for row in train + test]
    labels = np.array([names.index(row["dx"]) for row in train + test])
    return _sides(_pixels(paths, size), labels, len(train))


def save(path: Path, arrays: Arrays) -> None:
    """Write arrays to one file, whole or not at all."""
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pixels(paths: Sequence[Path], size: int) -> npt.NDArray[np.uint8]:
    from PIL import Image, ImageOps

    def read(path: Path) -> npt.NDArray[np.uint8]:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
            return np.asarray(fitted)

    return np.stack([read(path) for path in paths])


def _sides(pixels: npt.NDArray[Any], labels: npt.NDArray[Any], num_train: int) -> Arrays:
    return {
        "train": pixels[:num_train],
        "train_labels": labels[:num_train],
        "test": pixels[num_train:],
        "test_labels": labels[num_train:],
    }


def some(pixels: Arrays, num_train: int) -> Arrays:
    """At most so many of the training images, always the same."""
    count = len(pixels["train"])
    kept = np.random.default_rng(0).permutation(count)[:num_train]
    return pixels | {side: pixels[side][kept] for side in ("train", "train_labels")}
