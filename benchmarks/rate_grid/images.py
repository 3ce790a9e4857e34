"""The images of the grid: some of a project for training, as many others as wanted for the test."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.range_tests.arrays import Arrays, enlarged_digits
from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import class_names, pixel_rows
from lradapt.data.split_table import read_split

Numbers = npt.NDArray[np.int64]


def of_project(project: Path, *, size: int, num_train: int, num_test: int) -> Arrays:
    """Read the images of a project whose stages `ingest` and `split` have run.

    Args:
        project: its folder.
        size: side of the squares, in pixels.
        num_train: number of training images, or a few more where the last group has several.
        num_test: number of test images, where there are enough.
    """
    paths = read_paths(project / PROJECT_FILE).below(project)
    rows = read_split(paths.split)
    names = class_names(rows)
    labels = np.array([names.index(row.label) for row in rows])
    groups = np.array(group_numbers(rows))
    pixels = np.load(paths.pixels, mmap_mode="r")
    places = np.array(pixel_rows(rows))
    train, test = divided(groups, num_train=num_train, num_test=num_test)
    arrays: Arrays = {"train_groups": groups[train]}
    for split, chosen in (("train", train), ("test", test)):
        arrays |= {split: resized(pixels[places[chosen]], size), f"{split}_labels": labels[chosen]}
    return arrays


def of_digits(*, size: int, num_train: int, num_test: int) -> Arrays:
    """Return scikit-learn's handwritten digits, enlarged."""
    pixels, labels = enlarged_digits(size)
    train, test = divided(np.arange(len(labels)), num_train=num_train, num_test=num_test)
    return {
        "train": pixels[train],
        "train_labels": labels[train],
        "train_groups": train,
        "test": pixels[test],
        "test_labels": labels[test],
    }


def divided(groups: Numbers, *, num_train: int, num_test: int) -> tuple[Numbers, Numbers]:
    """Return the training and the test images; no group is in both.

    Args:
        groups: number of each image's group.
        num_train: of the images; a few more where the last group has several.
        num_test: of the images, where there are enough.
    """
    rank = np.random.default_rng(0).permutation(groups.max() + 1)
    order = np.argsort(rank[groups], kind="stable")
    last_group = groups[order[num_train - 1]]
    end = int(np.flatnonzero(groups[order] == last_group)[-1]) + 1
    return order[:end], order[end : end + num_test]


def resized(squares: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Return squares `[N, S, S, 3]` with another side."""
    if squares.shape[1] == size:
        return squares

    def one(square: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        return np.asarray(Image.fromarray(square).resize((size, size), Image.Resampling.BILINEAR))

    return np.stack([one(square) for square in squares])
