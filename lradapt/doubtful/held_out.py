"""Probabilities of images by exact heads that were not trained on them.

Letters: N images, M other images, D features, E = D + 1 with a constant 1, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lradapt.training.exact_head import require_finite
from lradapt.training.feature_scale import Scale, measure_scale
from lradapt.training.folds import fold_numbers
from lradapt.training.inputs.mapped_rows import release
from lradapt.training.logistic import Rows, solve

NUM_FOLDS = 5
PENALTY = 0.2
"""Of all heads: near the best for finding flipped labels on real images (docs/method.md).

The penalty with the lowest held-out loss is weaker on easy images, and then heads learn mistakes.
"""

_TOLERANCE = 3e-6  # as in the penalty search: the held-out loss is then known to a thousandth


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Images judged by heads of other images, and the head of all of them.

    Attributes:
        probabilities: of each image by a head of the other folds, fp32 `[N, K]`.
        weights: of the head of all images, on scaled features, fp32 `[K, E]`.
        scale: of the features.
    """

    probabilities: Tensor
    weights: Tensor
    scale: Scale

    def of_others(self, features_MD: Tensor) -> Tensor:
        """Return the probabilities of other images by the head of all N, fp32 `[M, K]`."""
        return (self.scale.inputs(features_MD[:, None]) @ self.weights.T).softmax(1)


def judge(
    activations: npt.NDArray[np.float32],
    rows_N: Sequence[int],
    labels_N: Tensor,
    groups: Sequence[int],
    *,
    num_classes: int,
) -> HeldOut:
    """Solve a head without each fold in turn, and one of all images.

    Args:
        activations: `[*, V, D]` of V views of each image, the clean one first.
        rows_N: of the images; each is read twice, so that features are in memory only once.
        labels_N: int64, each of K classes, of at least `NUM_FOLDS` groups.
        groups: number of each image's group, whose images are in one fold.
        num_classes: K.

    Raises:
        TrainingError: a feature is not finite.
    """
    scale = _measure(clean_features(activations, rows_N), labels_N)
    folds = np.array(fold_numbers(labels_N.tolist(), groups, num_folds=NUM_FOLDS))
    members = [np.flatnonzero(folds == fold) for fold in range(NUM_FOLDS)]
    parts = [
        Rows(
            scale.inputs(clean_features(activations, np.take(rows_N, member))[:, None]),
            labels_N[member],
            torch.ones(len(member)),
        )
        for member in members
    ]
    grams = [part.gram() for part in parts]
    found_NK = torch.empty(len(labels_N), num_classes)
    for own, member in enumerate(members):
        others = [number for number in range(NUM_FOLDS) if number != own]
        head_KE = _solve([parts[n] for n in others], [grams[n] for n in others], num_classes)
        found_NK[member] = (parts[own].inputs @ head_KE.T).softmax(1)
    return HeldOut(found_NK, _solve(parts, grams, num_classes), scale)


def clean_features(
    activations: npt.NDArray[np.float32], rows_N: Sequence[int] | npt.NDArray[np.int64]
) -> Tensor:
    """Return the features of the clean views of some rows, fp32 `[N, D]`."""
    features_ND = torch.from_numpy(activations[rows_N, 0])
    release(activations)
    return features_ND


def _measure(features_ND: Tensor, labels_N: Tensor) -> Scale:
    require_finite(features_ND, labels_N)
    return measure_scale(features_ND[:, None])


def _solve(parts: Sequence[Rows], grams: Sequence[Tensor], num_classes: int) -> Tensor:
    gram_EE = sum(grams, torch.zeros(()))
    # From zero: weights of a head that has seen the held-out images would tell of their labels.
    start_KE = torch.zeros(num_classes, len(gram_EE))
    return solve(parts, gram_EE, start_KE, penalty=PENALTY, tolerance=_TOLERANCE).weights
