"""The accuracy without labels: estimated from the model's confidence, with its error.

The probability of the predicted class is how often the model expects to be right (confidence-based
performance estimation). Its mean over a period is corrected by the gap between accuracy and this
expectation on the reference (difference of confidences: Guillory et al. 2021, "Predicting with
Confidence on Unseen Distributions", arXiv:2107.03315). docs/drift.md has the measured errors.
Letters: N images of the reference, M of a period, K classes.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.floating]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class EstimatedAccuracy:
    """The estimated accuracy of a period, in [0, 1].

    Attributes:
        accuracy: the estimate.
        error: its standard error by the numbers of images, if the gap is that of the reference.
    """

    accuracy: float
    error: float


def estimate_accuracy(
    probabilities_NK: Probabilities, labels_N: Integers, period_MK: Probabilities
) -> EstimatedAccuracy:
    """Estimate the accuracy by the difference of confidences."""
    excess_N = hits(probabilities_NK, labels_N) - confidences(probabilities_NK)
    confidence_M = confidences(period_MK)
    chance = np.mean(confidence_M * (1 - confidence_M))
    error = np.sqrt(np.var(excess_N) / len(excess_N) + chance / len(confidence_M))
    estimate = float(np.clip(np.mean(confidence_M) + np.mean(excess_N), 0, 1))
    return EstimatedAccuracy(estimate, float(error))


def confidences(probabilities_NK: Probabilities) -> Floats:
    """Return the probability of the predicted class of each image."""
    found: Floats = probabilities_NK.max(axis=1).astype(np.float64)
    return found


def hits(probabilities_NK: Probabilities, labels_N: Integers) -> Floats:
    """Return 1 for each image whose predicted class is its label, else 0."""
    found: Floats = (probabilities_NK.argmax(axis=1) == labels_N).astype(np.float64)
    return found
