"""The data of the cells: uint8 pixels and labels of a training and a test split."""

import csv
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from lradapt.runtime.files import whole_file

Arrays = dict[str, npt.NDArray[Any]]


def digits(num_train: int = 1000, size: int = 24) -> Arrays:
    """Return scikit-learn's handwritten digits in a random order, enlarged."""
    pixels, labels = enlarged_digits(size)
    order = np.random.default_rng(0).permutation(len(labels))
    return _splits(pixels[order], labels[order], num_train)


def enlarged_digits(size: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Return scikit-learn's handwritten digits `[1797, size, size, 3]`, and their labels."""
    from sklearn.datasets import load_digits

    grids, labels = load_digits(return_X_y=True)
    images = [
        Image.fromarray((grid.reshape(8, 8) / 16 * 255).round().astype(np.uint8))
        .convert("RGB")
        .resize((size, size), Image.Resampling.BILINEAR)
        for grid in grids
    ]
    return np.stack([np.asarray(image) for image in images]), labels.astype(np.int64)


def folders(root: Path, *, size: int, num_train: int, num_test: int) -> Arrays:
    """Return the first images of each class of the folders `train` and `test`."""
    names = sorted(path.name for path in (root / "train").iterdir())
    found = {
        split: [
            (path, label)
            for label, name in enumerate(names)
            for path in sorted((root / split / name).iterdir())[:count]
        ]
        for split, count in (("train", num_train), ("test", num_test))
    }
    both = found["train"] + found["test"]
    labels = np.array([label for _, label in both])
    return _splits(_pixels([path for path, _ in both], size), labels, len(found["train"]))


def lesions(root: Path, *, size: int, num_train: int) -> Arrays:
    """Return HAM10000: a sixth of the lesions as test images, some of the others for training."""
    with (root / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = sorted({row["dx"] for row in rows})
    rows.sort(key=lambda row: (_hash(row["lesion_id"]), row["image_id"]))
    train = [row for row in rows if int(_hash(row["lesion_id"]), 16) % 6][:num_train]
    test = [row for row in rows if int(_hash(row["lesion_id"]), 16) % 6 == 0]
    paths = [root / "images" / f"{row['image_id']}.jpg" for row in train + test]
    labels = np.array([names.index(row["dx"]) for row in train + test])
    return _splits(_pixels(paths, size), labels, len(train))


def save(path: Path, arrays: Arrays) -> None:
    """Write arrays to one file, atomically."""
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _pixels(paths: Sequence[Path], size: int) -> npt.NDArray[np.uint8]:
    def read(path: Path) -> npt.NDArray[np.uint8]:
        with Image.open(path) as image:
            fitted = ImageOps.fit(image.convert("RGB"), (size, size), Image.Resampling.BILINEAR)
            return np.asarray(fitted)

    return np.stack([read(path) for path in paths])


def _splits(pixels: npt.NDArray[Any], labels: npt.NDArray[Any], num_train: int) -> Arrays:
    return {
        "train": pixels[:num_train],
        "train_labels": labels[:num_train],
        "test": pixels[num_train:],
        "test_labels": labels[num_train:],
    }


def some(pixels: Arrays, num_train: int) -> Arrays:
    """Return `pixels` with at most `num_train` of the training images, always the same."""
    count = len(pixels["train"])
    kept = np.random.default_rng(0).permutation(count)[:num_train]
    return pixels | {name: pixels[name][kept] for name in ("train", "train_labels")}
