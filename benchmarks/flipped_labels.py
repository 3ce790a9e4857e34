"""Features of real images, and flips of their labels.

Letters: N images, n of them outside the test split, D features, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import TEST, LabelledImage
from lradapt.doubtful.held_out import judge

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Features:
    """The images of all splits.

    Attributes:
        features: `[N, D]`.
        labels: true class numbers, `[N]`.
        rows: the images with their true labels, N of them; each is named by its number.
    """

    features: Floats
    labels: Numbers
    rows: tuple[LabelledImage, ...]

    @property
    def num_classes(self) -> int:
        """K."""
        return int(self.labels.max()) + 1

    @property
    def known(self) -> Numbers:
        """The images outside the test split, `[n]`."""
        return np.flatnonzero([row.split != TEST for row in self.rows])

    def members(self, split: str) -> Numbers:
        """Return the images of one split."""
        return np.flatnonzero([row.split == split for row in self.rows])

    def groups(self, members: Numbers) -> list[int]:
        """Return the number of the group of some images."""
        return group_numbers([self.rows[member] for member in members])

    def relabelled(self, labels: Numbers) -> list[LabelledImage]:
        """Return the images with other labels, `[N]`."""
        pairs = zip(self.rows, labels, strict=True)
        return [replace(row, label=class_name(label)) for row, label in pairs]

    def held_out(self, labels: Numbers) -> Floats:
        """Return the probabilities of the known images by heads without their groups, `[n, K]`."""
        known = self.known
        found = judge(
            self.features[:, None],
            known.tolist(),
            torch.from_numpy(labels[known]),
            self.groups(known),
            num_classes=self.num_classes,
        )
        probabilities: Floats = found.probabilities.numpy()
        return probabilities


def class_name(number: int) -> str:
    """Return a name for a class: the alphabetical order of the names is that of the numbers."""
    return f"{number:05d}"


def read_features(
    path: Path, num_features: int | None = None, num_images: int | None = None
) -> Features:
    """Read `F`, `y`, `g` and `s` of a file.

    Args:
        path: of the file.
        num_features: only the last ones are taken; None: all.
        num_images: so many outside the test split are taken, by groups; None: all.
    """
    table = np.load(path)
    kept = _some(table["g"], table["s"], num_images)
    features = table["F"][kept, -(num_features or 0) :].astype(np.float32)
    labels = table["y"][kept]
    return Features(features, labels, _images(labels, table["g"][kept], table["s"][kept]))


def _some(
    groups: npt.NDArray[np.generic], splits: npt.NDArray[np.str_], num_images: int | None
) -> Numbers:
    """Return all test images and the first others in a random order of the groups, sorted."""
    known = np.flatnonzero(splits != TEST)
    names, places = np.unique(groups[known], return_inverse=True)
    order = np.random.default_rng(0).permutation(len(names))[places]
    some = known[np.argsort(order, kind="stable")][:num_images]
    return np.sort(np.concatenate([some, np.flatnonzero(splits == TEST)]))


def _images(
    labels: Numbers, groups: npt.NDArray[np.generic], splits: Sequence[str]
) -> tuple[LabelledImage, ...]:
    table = enumerate(zip(labels, groups, splits, strict=True))
    return tuple(
        LabelledImage(str(row), class_name(label), f"group {group}", str(split), str(row), row)
        for row, (label, group, split) in table
    )


def confused_with(data: Features) -> Numbers:
    """Return for each class the class that the heads confuse it with most often, `[K]`."""
    counts = np.zeros((data.num_classes, data.num_classes))
    predicted = data.held_out(data.labels).argmax(1)
    np.add.at(counts, (data.labels[data.known], predicted), 1)
    np.fill_diagonal(counts, -1)
    partner: Numbers = counts.argmax(1)
    return partner


def flip(data: Features, share: float, partner: Numbers | None, seed: int) -> Numbers:
    """Return the labels `[N]` with a share of those outside the test split flipped.

    Args:
        data: the images and their true labels.
        share: in [0, 1].
        partner: the class to which the labels of each class are flipped; None: to any other class.
        seed: of the choice.
    """
    random, known, flipped = np.random.default_rng(seed), data.known, data.labels.copy()
    rows = known[random.choice(len(known), round(share * len(known)), replace=False)]
    steps = random.integers(1, data.num_classes, len(rows))
    others = (data.labels[rows] + steps) % data.num_classes
    flipped[rows] = others if partner is None else partner[data.labels[rows]]
    return flipped
