"""The images nearest to an image, by the angle between their activations."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lradapt.data.labelled_image import TRAIN, LabelledImage, pixel_rows
from lradapt.data.labels import as_read

Features = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A near image.

    Attributes:
        image: path below the images folder.
        label: its class.
        similarity: cosine of the angle between the activations, in [-1, 1].
    """

    image: str
    label: str
    similarity: float


class Neighbours:
    """Images with their activations, `[N, D]`; one without a label is nobody's neighbour."""

    def __init__(self, features: Features, images: Sequence[str], labels: Sequence[str]) -> None:
        self._features_ND = features
        self._norms_N = np.linalg.norm(features, axis=1)
        self._images = list(images)
        self._labels = np.array(labels, dtype=object)
        self._row_of = {image: row for row, image in enumerate(images)}

    @property
    def features(self) -> Features:
        """The activations of all images, `[N, D]`."""
        return self._features_ND

    def nearest(self, image: str, count: int, label: str | None = None) -> list[Neighbour]:
        """Return the images nearest to one of them, the nearest first; never the image itself.

        Args:
            image: one of the images.
            count: the most that are returned.
            label: only images of this class; None for all that have a label.
        """
        row = self._row_of[image]
        return self._nearest(self._features_ND[row], self._norms_N[row], count, label, row)

    def nearest_to(
        self, features_D: Features, count: int, label: str | None = None
    ) -> list[Neighbour]:
        """Return the images nearest to activations `[D]`, as `nearest` does."""
        return self._nearest(features_D, np.linalg.norm(features_D), count, label, None)

    def _nearest(
        self,
        features_D: Features,
        norm: np.floating,
        count: int,
        label: str | None,
        itself: int | None,
    ) -> list[Neighbour]:
        similarities_N = self._features_ND @ features_D / np.maximum(self._norms_N * norm, 1e-12)
        candidates = self._labels != "" if label is None else self._labels == label
        if itself is not None:
            candidates[itself] = False
        rows = np.flatnonzero(candidates)
        if count < len(rows):  # to sort all takes longer than to compare them
            rows = rows[np.argpartition(-similarities_N[rows], count)[:count]]
        order = np.argsort(-similarities_N[rows], kind="stable")
        return [
            Neighbour(self._images[r], str(self._labels[r]), float(similarities_N[r]))
            for r in rows[order]
        ]


def read_neighbours(activations: Path, images: Sequence[LabelledImage]) -> Neighbours:
    """Return the images of all splits, of which only those of the training can be neighbours.

    Args:
        activations: `activations.npy`, `[N, V, D]` of V views of each image, the clean one first.
        images: of `split.csv`.
    """
    features_NVD = np.load(activations, mmap_mode="r")
    rows, clean_ND = pixel_rows(images), features_NVD[:, 0]
    whole = rows == list(range(len(features_NVD)))
    return Neighbours(
        clean_ND if whole else clean_ND[rows],
        [as_read(image.image) for image in images],
        [image.label if image.split == TRAIN else "" for image in images],
    )
