"""The shift of the classes: a test of the predicted ones, and an estimate of the true ones.

Black box shift estimation: Lipton, Wang and Smola 2018, "Detecting and Correcting for Label Shift
with Black Box Predictors", arXiv:1802.03916, with probabilities in the place of predicted classes.
Letters: N images of the reference, M of a period, T of both, K classes, B permutations.
"""

import numpy as np
import numpy.typing as npt

from lradapt.drift.grouped import Integers, inflation
from lradapt.drift.permutation import (
    Floats,
    PermutationTest,
    permutation_test,
    random_subsets,
)

Probabilities = npt.NDArray[np.float32]

_WEIGHT_OF_SUM = 1000.0  # of the equation "the sum of the shares is one", beside K others


def compare_classes(
    reference_NK: Probabilities,
    period_MK: Probabilities,
    *,
    num_permutations: int,
    random: np.random.Generator,
    enough: int = 10,
    groups_N: Integers | None = None,
) -> PermutationTest:
    """Test whether the classes have the same mean probabilities.

    The statistic is the largest difference, in deviations of the probability of its class. The sum
    of their squares sees a class that comes more often less well (docs/log.md).
    `groups_N` are the groups of the reference; None: each image is one.
    """
    both_TK = np.concatenate([reference_NK, period_MK]).astype(np.float64)
    deviation_K = both_TK.std(axis=0)
    deviation_K[deviation_K == 0] = 1.0
    scaled_TK = ((both_TK - both_TK.mean(axis=0)) / deviation_K).astype(np.float32)
    in_period, in_both = len(period_MK), len(both_TK)

    def largest(sums_BK: Probabilities) -> Floats:
        found_B: Floats = np.abs(sums_BK).max(axis=1).astype(np.float64)
        return found_B

    def draw(count: int) -> Floats:
        subsets_BT = random_subsets(in_both, in_period, count, random)
        return larger * largest(subsets_BT @ scaled_TK)

    larger = 1.0
    if groups_N is not None:
        known_NK = scaled_TK[: len(groups_N)] - scaled_TK[: len(groups_N)].mean(axis=0)
        larger = inflation(lambda subsets_BN: largest(subsets_BN @ known_NK), groups_N, random)

    # The sum over all is zero: that over the period is the difference of the means by a constant.
    observed = float(largest(scaled_TK[-in_period:].sum(axis=0, keepdims=True))[0])
    return permutation_test(observed, draw, num_permutations=num_permutations, enough=enough)


def estimate_shares(
    labels_N: Integers, reference_NK: Probabilities, period_MK: Probabilities
) -> Floats:
    """Estimate the share of each true class in a period, `[K]`, if nothing but the shares changed.

    The shares are those by which the mean probabilities of each true class of the reference mix to
    the mean probabilities of the period: least squares, no share below zero, their sum one. A
    class without images in the reference has share 0.
    """
    from scipy.optimize import nnls

    num_classes = reference_NK.shape[1]
    of_class_K = np.bincount(labels_N, minlength=num_classes)
    known = np.flatnonzero(of_class_K)
    mean_by_class = np.stack([reference_NK[labels_N == k].mean(axis=0) for k in known], axis=1)
    left = np.vstack([mean_by_class, np.full(len(known), _WEIGHT_OF_SUM)])
    right = np.append(period_MK.mean(axis=0, dtype=np.float64), _WEIGHT_OF_SUM)
    solved, _ = nnls(left, right)
    shares_K = np.zeros(num_classes)
    shares_K[known] = solved / solved.sum()
    return shares_K
