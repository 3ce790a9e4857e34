"""The shift of a single value of each image, such as its brightness: Kolmogorov and Smirnov."""

import numpy as np
import numpy.typing as npt


def compare_values(
    reference_N: npt.NDArray[np.floating], period_M: npt.NDArray[np.floating]
) -> float:
    """Return the p-value of the two-sample test of Kolmogorov and Smirnov."""
    from scipy.stats import ks_2samp

    return float(ks_2samp(reference_N, period_M, method="asymp").pvalue)
