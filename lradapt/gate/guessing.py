"""Compare one model with guessing: whether its balanced accuracy is above chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import LabelledImage
from lradapt.evaluation.paired_bootstrap import bounds, resampled_differences
from lradapt.gate.rules import Rules


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstGuessing:
    """The balanced accuracy of a model beside that of guessing; in [0, 1].

    Attributes:
        images: the number of images.
        accuracy: the balanced accuracy of the model.
        chance: that of every answer that ignores the image: always the most frequent class, or any
            draw.
        lower: one-sided lower bound of `accuracy`, with `confidence`.
        confidence: in (0, 1).
    """

    images: int
    accuracy: float
    chance: float
    lower: float
    confidence: float

    @property
    def shown_better(self) -> bool:
        """Whether the model is better than guessing, beyond chance."""
        return self.lower > self.chance


def compare_with_guessing(
    images: Sequence[LabelledImage], predictions: Sequence[str], rules: Rules, *, seed: int
) -> AgainstGuessing:
    """Compare a model with guessing, by the bootstrap that compares two models.

    Args:
        images: the held-out images, one or more.
        predictions: the class of each, by the model.
        rules: with the confidence and the number of resamples.
        seed: of the bootstrap.
    """
    class_names, labels_N = np.unique([image.label for image in images], return_inverse=True)
    hits_N = np.array([p == image.label for p, image in zip(predictions, images, strict=True)])
    chance = 1 / len(class_names)
    # The pseudo-image of each class, half of it a gain and half a loss, spreads as a guess does.
    spread = (chance * (1 - chance)) ** 0.5 or 1.0
    gains_RK = resampled_differences(
        labels_N,
        np.array(group_numbers(images)),
        ((hits_N - chance) / spread)[:, None],
        num_resamples=rules.num_resamples,
        seed=seed,
    )[:, :, 0]
    lower, _ = bounds(gains_RK.mean(axis=1) * spread, rules.confidence)
    recalls_K = np.bincount(labels_N, weights=hits_N) / np.bincount(labels_N)
    return AgainstGuessing(
        images=len(images),
        accuracy=float(recalls_K.mean()),
        chance=chance,
        lower=float(np.clip(chance + lower, 0, 1)),
        confidence=rules.confidence,
    )
