"""Temperature scaling (Guo et al. 2017, arXiv:1706.04599), and the error that it lowers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

_BOUNDS = (0.05, 20.0)
_NUM_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class PerfectCalibration:
    """The calibration error of a perfectly calibrated model, due to chance, in [0, 1].

    Attributes:
        mean: over the draws.
        low, high: the band that holds 95 % of them.
    """

    mean: float
    low: float
    high: float


def fit_temperature(logits_NK: Floats, labels_N: Labels) -> float:
    """Fit the temperature, in [0.05, 20], with the highest likelihood of the labels.

    Its logarithm has a standard normal prior: a few images that are all predicted correctly would
    otherwise give a temperature of zero, and one wrong image alone an infinite one. With hundreds
    of images the prior has no effect; with no image the temperature is 1.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    logits = np.asarray(logits_NK, dtype=np.float64)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logits / np.exp(log_temperature), axis=1)
        likelihood = scaled[np.arange(len(labels_N)), labels_N].sum()
        return float(log_temperature**2 / 2 - likelihood)

    found = minimize_scalar(loss, bounds=tuple(np.log(_BOUNDS)), method="bounded")
    return float(np.exp(found.x))


def expected_calibration_error(
    probabilities_NK: Floats, labels_N: Labels, *, num_bins: int
) -> float:
    """Return the ECE in [0, 1]: the mean gap of confidence and accuracy over equal-width bins.

    As in Guo et al., section 2: bins are open below and closed above, weighted by their images.
    """
    hits_N = probabilities_NK.argmax(axis=1) == labels_N
    return _error(probabilities_NK.max(axis=1), hits_N, num_bins)


def perfect_calibration(probabilities_NK: Floats, *, num_bins: int) -> PerfectCalibration:
    """Simulate `expected_calibration_error` where each confidence is the true chance of a hit.

    Even then it is above zero, and more so with fewer images. The hits are drawn 1,000 times, with
    a fixed seed.
    """
    confidences_N = probabilities_NK.max(axis=1)
    numbers = np.random.default_rng(0)
    draws = (numbers.random(len(confidences_N)) < confidences_N for _ in range(_NUM_DRAWS))
    errors = [_error(confidences_N, hits_N, num_bins) for hits_N in draws]
    low, high = np.quantile(errors, [0.025, 0.975])
    return PerfectCalibration(float(np.mean(errors)), float(low), float(high))


def untempered(probabilities_NK: Floats, temperature: float) -> Floats:
    """Undo the temperature: return the normalised powers of the probabilities."""
    powers_NK = np.asarray(probabilities_NK, dtype=np.float64) ** temperature
    unscaled_NK: Floats = powers_NK / powers_NK.sum(axis=1, keepdims=True)
    return unscaled_NK


def _error(confidences_N: Floats, hits_N: npt.NDArray[np.bool_], num_bins: int) -> float:
    bins_N = np.minimum(np.ceil(confidences_N * num_bins).astype(int), num_bins) - 1
    gaps = np.bincount(bins_N, weights=hits_N - confidences_N)
    return float(np.abs(gaps).sum() / len(hits_N))
