"""The images nearest to an image, by the angle between their activations."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """Images with their activations, `[N, D]`."""

    def __init__(self, features: Features, images: Sequence[str], labels: Sequence[str]) -> None:
        self._features_ND = features
        self._norms_N = np.linalg.norm(features, axis=1)
        self._images = list(images)
        self._labels = np.array(labels, dtype=object)
        self._row_of = {image: row for row, image in enumerate(images)}

    def nearest(self, image: str, count: int, label: str | None = None) -> list[Neighbour]:
        """Return the images nearest to one of them, the nearest first; never the image itself.

        Args:
            image: one of the images.
            count: the most that are returned.
            label: only images of this class; None for all.
        """
        row = self._row_of[image]
        products_N = self._features_ND @ self._features_ND[row]
        similarities_N = products_N / np.maximum(self._norms_N * self._norms_N[row], 1e-12)
        candidates = np.ones(len(self._images), bool) if label is None else self._labels == label
        candidates[row] = False
        rows = np.flatnonzero(candidates)
        if count < len(rows):  # to sort all takes longer than to compare them
            rows = rows[np.argpartition(-similarities_N[rows], count)[:count]]
        order = np.argsort(-similarities_N[rows], kind="stable")
        return [
            Neighbour(self._images[r], str(self._labels[r]), float(similarities_N[r]))
            for r in rows[order]
        ]
