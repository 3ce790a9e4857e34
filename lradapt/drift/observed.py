"""What a model gave for a set of images: the reference, or the answers of a period.

Letters: N images, K classes, D features.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Observed:
    """Images by what a model gave for them.

    Attributes:
        probabilities: `[N, K]`.
        features: that the last layer reads, `[N, D]`.
        brightness: `[N]`, see `lradapt.data.images.looks`.
        sharpness: `[N]`, likewise.
    """

    probabilities: Values
    features: Values
    brightness: Values
    sharpness: Values

    def __len__(self) -> int:
        """Return N."""
        return len(self.probabilities)

    @property
    def predicted(self) -> Integers:
        """The number of the most probable class, `[N]`."""
        found: Integers = self.probabilities.argmax(axis=1)
        return found

    def arrays(self) -> tuple[Values, Values, Values, Values]:
        """Return the four arrays in the order of the attributes."""
        return self.probabilities, self.features, self.brightness, self.sharpness

    def at(self, rows: npt.NDArray[np.integer]) -> "Observed":
        """Return the images of these rows, in this order."""
        return Observed(*(values[rows] for values in self.arrays()))

    @staticmethod
    def joined(parts: Sequence["Observed"]) -> "Observed":
        """Return the images of all parts, of which there is one or more."""
        columns = zip(*(part.arrays() for part in parts), strict=True)
        return Observed(*map(np.concatenate, columns))


@dataclass(frozen=True, slots=True)
class Reference:
    """Images with labels that a version was not trained on, and what it gives for them.

    Attributes:
        version: of the model.
        classes: in the order of the probabilities.
        labels: the number of each image's class, `[N]`.
        groups: the number of each image's group, such as a patient, `[N]`.
        observed: of the images.
    """

    version: str
    classes: tuple[str, ...]
    labels: Integers
    groups: Integers
    observed: Observed
