"""The bootstrap of the difference between two models' recalls: paired, by group, by class.

Letters: N images, G groups, M of them with images of a class, K classes, R resamples, D draws, B
comparisons on the same images (the gate has one, its simulation many).

Plain resampling is too confident where a class has a dozen groups: its variance is too small by a
factor of 1 - 1/G, and zero in a class in which the models never disagree. Against the first, one
group less is drawn than there is (Rao and Wu 1988, doi 10.2307/2288945); against the second, each
class gets one pseudo-image on which the models disagree, half of it in favour of each model.
docs/method.md, "The gate", has the simulated errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

Counts = npt.NDArray[np.float32]  # in the type that matrices multiply fast

_BLOCK = 1000  # resamples at a time: 5,000 groups take some 100 MB


def resampled_differences(
    labels_N: Integers,
    groups_N: Integers,
    gains_NB: Integers | Floats,
    *,
    num_resamples: int,
    seed: int,
) -> Floats:
    """Return the difference of the recalls in each resample and class: `[R, K, B]`.

    It is the challenger's minus the champion's. Groups are drawn within their class; one that has
    images of several counts to the rarest. All B comparisons get the same draws.

    Args:
        labels_N: class of each image, 0 to K - 1; every class has an image.
        groups_N: group of each image; any numbers.
        gains_NB: 1 where only the challenger is right, -1 where only the champion is, else 0; or
            other gains, as multiples of the pseudo-image's.
        num_resamples: R.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    _, groups_N = np.unique(groups_N, return_inverse=True)
    classes = [_members(labels_N == k, groups_N, gains_NB) for k in range(int(labels_N.max()) + 1)]
    home_G = rarest_class(labels_N, groups_N)
    blocks = [
        _differences(classes, home_G, min(_BLOCK, num_resamples - done), random)
        for done in range(0, num_resamples, _BLOCK)
    ]
    return np.concatenate(blocks)


def bounds(values_R: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Return the one-sided lower and upper bound, each with `confidence`: outer percentiles.

    Args:
        values_R: resampled values `[R]`, or `[R, ...]` for bounds of each of the rest.
        confidence: in (0.5, 1).
    """
    # Sums of the same fractions in another order differ in the last bit; a tie must stay one.
    rounded_R = np.round(values_R, 12)
    low = np.quantile(rounded_R, 1 - confidence, axis=0, method="lower")
    return low, np.quantile(rounded_R, confidence, axis=0, method="higher")


def rarest_class(labels_N: Integers, groups_N: Integers) -> Integers:
    """Return for each group the rarest of its classes, which has the fewest images."""
    sizes_K = np.bincount(labels_N)
    # From the most frequent to the rarest, which is assigned last and stays.
    order_N = np.lexsort((-labels_N, -sizes_K[labels_N]))
    home_G = np.empty(int(groups_N.max()) + 1, np.int64)
    home_G[groups_N[order_N]] = labels_N[order_N]
    return home_G


@dataclass(frozen=True, slots=True)
class _Members:
    """The groups with images of a class `[M]`, their sizes, and their summed gains `[M, B]`."""

    groups: Integers
    sizes: Counts
    gains: Counts


def _members(
    of_class_N: npt.NDArray[np.bool_], groups_N: Integers, gains_NB: Integers | Floats
) -> _Members:
    order_N = np.argsort(groups_N[of_class_N], kind="stable")
    sorted_N, gains_NB = groups_N[of_class_N][order_N], gains_NB[of_class_N][order_N]
    groups_M, starts_M, sizes_M = np.unique(sorted_N, return_index=True, return_counts=True)
    sums_MB = np.add.reduceat(gains_NB, starts_M, axis=0)
    return _Members(groups_M, sizes_M.astype(np.float32), sums_MB.astype(np.float32))


def _differences(
    classes: Sequence[_Members], home_G: Integers, num_resamples: int, random: np.random.Generator
) -> Floats:
    weights_RG = np.empty((num_resamples, len(home_G)), np.float32)
    pseudo = []
    for k in range(len(classes)):
        drawn = _draw(int((home_G == k).sum()), num_resamples, random)
        weights_RG[:, home_G == k] = drawn[:, :-2]
        pseudo.append(drawn[:, -2:])
    parts = []
    for members, (plus_R, minus_R) in zip(classes, (each.T for each in pseudo), strict=True):
        weights_RM = weights_RG[:, members.groups]
        sizes_R = weights_RM @ members.sizes + plus_R + minus_R
        gains_RB = weights_RM @ members.gains + (plus_R - minus_R)[:, None]
        parts.append(gains_RB.astype(np.float64) / sizes_R[:, None])
    return np.stack(parts, axis=1)


def _draw(num_groups: int, num_resamples: int, random: np.random.Generator) -> Counts:
    """Return how often each group and each half of the pseudo-image was drawn: `[R, G + 2]`.

    Numbers below 2 G + 2 are drawn: two for each group, and one for each half.
    """
    num_draws = max(num_groups - 1, 1)
    halves_RD = random.integers(2 * num_groups + 2, size=(num_resamples, num_draws), dtype=np.int32)
    columns_RD = np.where(halves_RD < 2 * num_groups, halves_RD // 2, halves_RD - num_groups)
    columns_RD += np.arange(num_resamples, dtype=np.int32)[:, None] * (num_groups + 2)
    counts = np.bincount(columns_RD.ravel(), minlength=num_resamples * (num_groups + 2))
    return counts.reshape(num_resamples, num_groups + 2).astype(np.float32)
