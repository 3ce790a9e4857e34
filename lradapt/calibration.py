"""Temperature scaling (Guo et al. 2017, arXiv:1706.04599), and the error that it is to lower."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
Labels = npt.NDArray[np.integer]

_BOUNDS = (0.05, 20.0)


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
    confidences = probabilities_NK.max(axis=1)
    hits = probabilities_NK.argmax(axis=1) == labels_N
    bins = np.clip(np.ceil(confidences * num_bins).astype(int) - 1, 0, num_bins - 1)
    gaps = np.bincount(bins, weights=hits - confidences, minlength=num_bins)
    return float(np.abs(gaps).sum() / len(labels_N))
