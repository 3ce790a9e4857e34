"""Images that come in groups, such as several of one patient, are not independent.

Where a record has groups, one image of each is compared: these are independent, so each test has
its level. Where it has none, the reference still has: its halves of whole groups differ by more
than its halves of single images, and a period differs from it by as much more if its images come
in groups alike. Letters: N images, of the reference for `inflation`; G groups; B draws.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from lradapt.drift.permutation import Floats, random_subsets

Integers = npt.NDArray[np.int64]
Subsets = npt.NDArray[np.float32]

_NUM_DRAWS = 200


def one_of_each(groups_N: Integers, random: np.random.Generator) -> Integers:
    """Return the row of one image of each group, drawn at random, `[G]`."""
    order_N = random.permutation(len(groups_N))
    first_G = np.unique(groups_N[order_N], return_index=True)[1]
    rows_G: Integers = np.sort(order_N[first_G])
    return rows_G


def inflation(
    statistic: Callable[[Subsets], Floats], groups_N: Integers, random: np.random.Generator
) -> float:
    """Return the ratio of a statistic by whole groups to that by single images, at least 1.

    Args:
        statistic: of subsets of the reference `[B, N]` (1 for an image in it), each compared with
            the other images, `[B]`.
        groups_N: number of the group of each image.
        random: generator.
    """
    if len(np.unique(groups_N)) == len(groups_N):
        return 1.0
    single_BN = random_subsets(len(groups_N), len(groups_N) // 2, _NUM_DRAWS, random)
    by_groups = statistic(halves_of_groups(groups_N, _NUM_DRAWS, random)).mean()
    by_images = statistic(single_BN).mean()
    return max(1.0, float(by_groups / by_images)) if by_images > 0 else 1.0


def halves_of_groups(groups_N: Integers, count: int, random: np.random.Generator) -> Subsets:
    """Return `count` random halves of the images, `[B, N]`: whole groups, but for the last one."""
    num_images = len(groups_N)
    halves_BN = np.zeros((count, num_images), np.float32)
    for half_N in halves_BN:
        rank_of_group = random.permutation(int(groups_N.max()) + 1)
        order_N = np.argsort(rank_of_group[groups_N], kind="stable")
        half_N[order_N[: num_images // 2]] = 1
    return halves_BN
