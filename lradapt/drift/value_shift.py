"""The shift of a single value of each image, such as its brightness: Kolmogorov and Smirnov.

Letters: N images of the reference, M of a period, B draws.
"""

import numpy as np
import numpy.typing as npt

from lradapt.drift.grouped import Integers, Subsets, inflation
from lradapt.drift.permutation import Floats

Values = npt.NDArray[np.floating]


def compare_values(
    reference_N: Values,
    period_M: Values,
    *,
    groups_N: Integers | None = None,
    random: np.random.Generator | None = None,
) -> float:
    """Return the p-value of the two-sample test of Kolmogorov and Smirnov, as scipy's asymptotic.

    Args:
        reference_N: values of the reference.
        period_M: values of a period.
        groups_N: groups of the reference; None: each image is one.
        random: generator, for the groups.
    """
    from scipy.stats import ks_2samp, kstwo

    largest_gap = float(ks_2samp(reference_N, period_M, method="asymp").statistic)
    if groups_N is not None and random is not None:
        largest_gap /= inflation(
            lambda subsets_BN: largest_gaps(reference_N, subsets_BN), groups_N, random
        )
    effective = round(len(reference_N) * len(period_M) / (len(reference_N) + len(period_M)))
    return float(kstwo.sf(largest_gap, effective))


def largest_gaps(values_N: Values, subsets_BN: Subsets) -> Floats:
    """Return the statistic of the test between each subset of the values and the others, `[B]`.

    Equal values are one step, so the shares below are compared behind the last of them.
    """
    order_N = np.argsort(values_N)
    ends = np.flatnonzero(np.append(np.diff(values_N[order_N]) != 0, True))
    below_BN = np.cumsum(subsets_BN[:, order_N], axis=1, dtype=np.float64)
    inside, outside = below_BN[0, -1], len(values_N) - below_BN[0, -1]
    gaps_BN = below_BN[:, ends] / inside - (ends + 1 - below_BN[:, ends]) / outside
    gaps_B: Floats = np.abs(gaps_BN).max(axis=1)
    return gaps_B
