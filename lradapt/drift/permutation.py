"""P-values by permutation that stop as soon as they are clearly large.

Under "no change", the images of a period and those of the reference are exchangeable, so that the
p-value is exact for any statistic and any number of images.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Draw = Callable[[int], Floats]
"""Returns the statistic of this many random permutations, `[B]`."""

EXCEEDANCES_ALLOWED = 1
"""Of a test that still rejects; more would cost more permutations."""

_LARGEST_BATCH = 500


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """The result of a permutation test.

    Attributes:
        p_value: in (0, 1].
        num_permutations: that were drawn.
    """

    p_value: float
    num_permutations: int


def permutation_test(
    observed: float, draw: Draw, *, num_permutations: int, enough: int = 10
) -> PermutationTest:
    """Return the p-value of a statistic whose large values mean a difference.

    It is one more than the permutations whose statistic is as large, by one more than all. Where
    `enough` such permutations are drawn, no more are: the p-value is then their number by all that
    were drawn (Besag and Clifford 1991, doi 10.1093/biomet/78.2.301).

    Args:
        observed: statistic.
        draw: statistics of random permutations.
        num_permutations: the most that are drawn.
        enough: exceedances that make the p-value clearly large.
    """
    found = drawn = batch = 0
    while drawn < num_permutations:
        batch = min(max(10 * enough, 2 * batch), _LARGEST_BATCH, num_permutations - drawn)
        # Sums of the same numbers in another order differ in the last bits: a tie counts.
        exceed_B = draw(batch) >= observed - 1e-5 * abs(observed)
        needed = enough - found
        if exceed_B.sum() >= needed:
            drawn += int(np.flatnonzero(exceed_B)[needed - 1]) + 1
            return PermutationTest(enough / drawn, drawn)
        found, drawn = found + int(exceed_B.sum()), drawn + batch
    return PermutationTest((found + 1) / (drawn + 1), drawn)


def permutations_needed(alpha: float) -> int:
    """Return how many permutations a test at level `alpha` needs, so that it has that level."""
    return math.ceil((EXCEEDANCES_ALLOWED + 1) / alpha) - 1


def random_subsets(
    num_all: int, num_chosen: int, count: int, random: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Return `count` random subsets of so many of all images, `[B, N]`: 1 if chosen, else 0."""
    chosen_BN = np.zeros((count, num_all), np.float32)
    keys_BN = random.random((count, num_all), dtype=np.float32)
    if 0 < num_chosen < num_all:
        rows_BM = np.argpartition(keys_BN, num_chosen, axis=1)[:, :num_chosen]
        np.put_along_axis(chosen_BN, rows_BM, np.float32(1), axis=1)
    else:
        chosen_BN[:] = num_chosen > 0
    return chosen_BN
