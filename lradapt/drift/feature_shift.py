"""The shift of the features: the energy distance, with a p-value by permutation.

Székely and Rizzo 2013, "Energy statistics: A class of statistics based on distances",
doi 10.1016/j.jspi.2013.03.018: zero for equal distributions only. The distances are between the 64
first principal components, each of variance one: those of the features themselves see a small
change of the light five times worse (docs/drift.md).

Letters: N images of the reference, M of a period, T of both, D features, E components, B
permutations.
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

Features = npt.NDArray[np.float32]

NUM_COMPONENTS = 64
_IMAGES_PER_COMPONENT = 10  # of fewer images, the last components are noise


def compare_features(
    reference_ND: Features,
    period_MD: Features,
    *,
    num_permutations: int,
    random: np.random.Generator,
    groups_N: Integers | None = None,
) -> PermutationTest:
    """Test whether the features have the same distribution.

    `groups_N` are the groups of the reference; None: each image is one.
    """
    # The components are those of all images: the ones of the reference would tell it apart.
    both_TE = principal_components(np.concatenate([reference_ND, period_MD]))
    return compare_points(
        pairwise_distances(both_TE),
        len(period_MD),
        num_permutations=num_permutations,
        random=random,
        groups_N=groups_N,
    )


def compare_points(
    distances_TT: Features,
    in_period: int,
    *,
    num_permutations: int,
    random: np.random.Generator,
    enough: int = 10,
    groups_N: Integers | None = None,
) -> PermutationTest:
    """Test whether the last points have the same distribution as those before them.

    Args:
        distances_TT: between all points.
        in_period: number of the last points.
        num_permutations: see `permutation_test`.
        random: generator.
        enough: see `permutation_test`.
        groups_N: of the points before the last ones; None: each is one.
    """
    larger = _inflation(distances_TT, groups_N, random)
    sums_T, in_all = distances_TT.sum(axis=1, dtype=np.float64), len(distances_TT)

    def draw(count: int) -> Floats:
        subsets_BT = random_subsets(in_all, in_period, count, random)
        return larger * energy_distances(distances_TT, sums_T, subsets_BT)

    last_1T = np.repeat(np.array([[0, 1]], np.float32), [in_all - in_period, in_period], axis=1)
    observed = float(energy_distances(distances_TT, sums_T, last_1T)[0])
    return permutation_test(observed, draw, num_permutations=num_permutations, enough=enough)


def _inflation(
    distances_TT: Features, groups_N: Integers | None, random: np.random.Generator
) -> float:
    if groups_N is None:
        return 1.0
    among_NN = distances_TT[: len(groups_N), : len(groups_N)]
    sums_N = among_NN.sum(axis=1, dtype=np.float64)
    return inflation(
        lambda subsets_BN: energy_distances(among_NN, sums_N, subsets_BN), groups_N, random
    )


def principal_components(features_TD: Features) -> Features:
    """Return the first principal components, each with mean 0 and variance 1, `[T, E]`.

    Features of different layers have different sizes, so each is first divided by the root of its
    variance plus the median variance of all, as in the training of the head
    (`lradapt.training.feature_scale`); one that hardly varies stays small.
    """
    from sklearn.utils.extmath import randomized_svd

    variance_D = features_TD.var(axis=0, dtype=np.float64)
    divisor_D = np.sqrt(variance_D + np.median(variance_D))
    divisor_D[divisor_D == 0] = 1.0
    scaled_TD = ((features_TD - features_TD.mean(axis=0)) / divisor_D).astype(np.float32)
    most = min(NUM_COMPONENTS, max(len(scaled_TD) // _IMAGES_PER_COMPONENT, 1), scaled_TD.shape[1])
    # Not transposed, its random numbers meet features, not images: these stay exchangeable.
    left_TE, sizes_E, _ = randomized_svd(scaled_TD, most, transpose=False, random_state=0)
    kept = sizes_E > 1e-5 * max(float(sizes_E[0]), 1e-30)  # the others are rounding errors
    return np.asarray(left_TE[:, kept] * np.sqrt(len(left_TE)), np.float32)


def energy_distances(distances_TT: Features, sums_T: Floats, subsets_BT: Features) -> Floats:
    """Return the energy distance between each subset and the other images, `[B]`.

    It is twice the mean distance between the two, less the mean distance within each.

    Args:
        distances_TT: between all images.
        sums_T: of the rows of `distances_TT`.
        subsets_BT: 1 for an image in the subset, else 0; all of one size.
    """
    inside = int(subsets_BT[0].sum())
    outside = len(sums_T) - inside
    within_B = np.einsum("bt,bt->b", subsets_BT @ distances_TT, subsets_BT, dtype=np.float64)
    all_B = subsets_BT.astype(np.float64) @ sums_T
    across_B = all_B - within_B
    rest_B = sums_T.sum() - all_B - across_B
    found_B: Floats = 2 * across_B / (inside * outside) - within_B / inside**2 - rest_B / outside**2
    return found_B


def pairwise_distances(points_TE: Features) -> Features:
    """Return the Euclidean distance between each two points, `[T, T]`."""
    squares_T = np.einsum("te,te->t", points_TE, points_TE)
    squared_TT = squares_T[:, None] + squares_T - 2 * (points_TE @ points_TE.T)
    np.fill_diagonal(squared_TT, 0)
    distances_TT: Features = np.sqrt(np.maximum(squared_TT, 0))
    return distances_TT
