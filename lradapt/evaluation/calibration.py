"""Temperature scaling (Guo et al. 2017, arXiv:1706.04599), and the error that it is to lower."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

_BOUNDS = (0.05, 20.0)
_NUM_DRAWS = 1000


@dataclass(frozen=True, slots=True)
class PerfectCalibration:
    """The error that a perfectly calibrated model shows by chance alone, in [0, 1].

    Attributes:
        mean: over the draws.
        low, high: the band that holds 95 % of them.
    """

    mean: float
    low: float
    high: float


def fit_temperature(logits_NK: Floats, labels_N: Labels) -> float:
    """The temperature, in [0.05, 20], whose softmax of `logits / temperature` is likeliest.

    Its logarithm has a standard normal prior: a few images that are all named rightly would
    otherwise ask for a temperature of zero, and one that is named wrongly for an infinite one.
    Hundreds of images outweigh it; without a single one the temperature is 1.
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
    """ECE in [0, 1]: mean gap of confidence and accuracy over equal-width bins of confidence.

    As in Guo et al., section 2: bins are open below and closed above, weighted by their images.
    """
    hits_N = probabilities_NK.argmax(axis=1) == labels_N
    return _error(probabilities_NK.max(axis=1), hits_N, num_bins)


def perfect_calibration(probabilities_NK: Floats, *, num_bins: int) -> PerfectCalibration:
    """What `expected_calibration_error` would be, were each confidence the true chance of a hit.

    Even then it is above zero: the fewer images, the more. 1,000 draws of all hits, from numbers
    that are always the same.
    """
    confidences_N = probabilities_NK.max(axis=1)
    numbers = np.random.default_rng(0)
    draws = (numbers.random(len(confidences_N)) < confidences_N for _ in range(_NUM_DRAWS))
    errors = [_error(confidences_N, hits_N, num_bins) for hits_N in draws]
    low, high = np.quantile(errors, [0.025, 0.975])
    return PerfectCalibration(float(np.mean(errors)), float(low), float(high))


def untempered(probabilities_NK: Floats, temperature: float) -> Floats:
    """What softmax gives without the temperature: the powers of the probabilities, normalised."""
    powers_NK = np.asarray(probabilities_NK, dtype=np.float64) ** temperature
    unscaled_NK: Floats = powers_NK / powers_NK.sum(axis=1, keepdims=True)
    return unscaled_NK


def _error(confidences_N: Floats, hits_N: npt.NDArray[np.bool_], num_bins: int) -> float:
    bins_N = np.minimum(np.ceil(confidences_N * num_bins).astype(int), num_bins) - 1
    gaps = np.bincount(bins_N, weights=hits_N - confidences_N)
    return float(np.abs(gaps).sum() / len(hits_N))
