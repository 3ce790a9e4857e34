"""What a model gives for several images at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Probabilities = Floats


@dataclass(frozen=True, slots=True)
class Answers:
    """The outputs of a model for N images, in their order.

    Attributes:
        probabilities: of K classes, `[N, K]`.
        features: what the last layer reads, `[N, D]`; None before format 3, or without such a
            layer.
        unlike: distance to the training images, `[N]`, in [0, 2]; None before format 4, likewise.
    """

    probabilities: Probabilities
    features: Floats | None = None
    unlike: Floats | None = None


def joined(parts: Sequence[Answers]) -> Answers:
    """Return the answers to the images of all parts, one part or more, of one model."""
    return Answers(
        np.concatenate([part.probabilities for part in parts]),
        _joined([part.features for part in parts]),
        _joined([part.unlike for part in parts]),
    )


def _joined(parts: Sequence[Floats | None]) -> Floats | None:
    whole = [part for part in parts if part is not None]
    return np.concatenate(whole) if whole else None
