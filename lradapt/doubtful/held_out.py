"""Probabilities of images by exact heads that were not trained on them.

Letters: N images, M other images, D features, E = D + 1 with a constant 1, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lradapt.training.exact_head import require_finite, solve_head
from lradapt.training.folds import fold_numbers
from lradapt.training.logistic import Rows, solve
from lradapt.training.standardise import measure_scale

NUM_FOLDS = 5

_TOLERANCE = 3e-6  # as in the penalty search: the held-out loss is then known to a thousandth
_SAMPLE = 10_000  # images on which the penalty is chosen


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Probabilities.

    Attributes:
        own: of each image, by a head of the other folds, fp32 `[N, K]`.
        others: of other images, by the head of all N images, fp32 `[M, K]`.
        penalty: of the heads.
    """

    own: Tensor
    others: Tensor
    penalty: float


def held_out(
    features_ND: Tensor,
    labels_N: Tensor,
    groups: Sequence[int],
    others_MD: Tensor,
    *,
    num_classes: int,
) -> HeldOut:
    """Return the probabilities of images and of others, with the penalty of the exact head.

    Args:
        features_ND: fp32, on the CPU.
        labels_N: int64, each of K classes, of at least `NUM_FOLDS` groups.
        groups: number of each image's group, in a random order, such as that of hashes.
        others_MD: features of the others.
        num_classes: K.

    Raises:
        TrainingError: a feature is not finite.
    """
    require_finite(features_ND, labels_N)
    penalty = choose_penalty(features_ND, labels_N, groups)
    own_NK = out_of_fold(features_ND, labels_N, groups, num_classes=num_classes, penalty=penalty)
    head = solve_head(features_ND, labels_N, num_classes=num_classes, penalties=[penalty])
    return HeldOut(own_NK, (others_MD @ head.weight.T + head.bias).softmax(1), penalty)


def choose_penalty(features_ND: Tensor, labels_N: Tensor, groups: Sequence[int]) -> float:
    """Return the penalty that the exact head chooses for at most `_SAMPLE` of the images.

    The groups with the smallest numbers are taken.
    """
    order = sorted(range(len(groups)), key=lambda row: (groups[row], row))
    rows = sorted(order[:_SAMPLE])
    head = solve_head(features_ND[rows], labels_N[rows], groups=[groups[row] for row in rows])
    return head.penalty


def out_of_fold(
    features_ND: Tensor,
    labels_N: Tensor,
    groups: Sequence[int],
    *,
    num_classes: int,
    penalty: float,
) -> Tensor:
    """Return the probabilities of each image by a head of the other folds, fp32 `[N, K]`."""
    folds_N = torch.tensor(fold_numbers(labels_N.tolist(), groups, num_folds=NUM_FOLDS))
    members = [(folds_N == fold).nonzero()[:, 0] for fold in range(NUM_FOLDS)]
    scale = measure_scale(features_ND[:, None])
    parts = [
        Rows(scale.inputs(features_ND[rows, None]), labels_N[rows], torch.ones(len(rows)))
        for rows in members
    ]
    grams = torch.stack([part.gram() for part in parts])
    found_NK = torch.empty(len(labels_N), num_classes)
    weights_KE = torch.zeros(num_classes, features_ND.shape[1] + 1)
    for own, rows in enumerate(members):
        others = [number for number in range(NUM_FOLDS) if number != own]
        weights_KE = solve(
            [parts[number] for number in others],
            grams[others].sum(0),
            weights_KE,  # of the fold before: most of its rows are the same
            penalty=penalty,
            tolerance=_TOLERANCE,
        ).weights
        found_NK[rows] = (parts[own].inputs @ weights_KE.T).softmax(1)
    return found_NK
