"""Labels that are probably wrong, from held-out probabilities: confident learning.

Northcutt, Jiang and Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels",
arXiv:1911.00068; with a ranking of our own (docs/method.md). Letters: N images, K classes, C of the
images whose label is doubtful.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]

_SMOOTHING = 0.03  # added to both probabilities of a ratio
_CORRECTION = 0.25  # power of the class thresholds by which probabilities are divided


@dataclass(frozen=True, slots=True)
class Doubts:
    """Labels than which another class is more probable, the most doubtful first.

    Attributes:
        rows: of the probabilities, `[C]`.
        proposed: the most probable class of each, `[C]`.
        confident: whether the image reaches the threshold of the proposed class, `[C]`: the
            off-diagonal entries of the confident joint (equation 1 of the paper).
    """

    rows: Numbers
    proposed: Numbers
    confident: npt.NDArray[np.bool_]


def class_thresholds(probabilities_NK: Floats, labels_N: Numbers) -> Floats:
    """Return for each class the mean probability that its own images have of it, `[K]`.

    This is equation 2 of the paper. The threshold of a class without an image is 1.
    """
    num_classes = probabilities_NK.shape[1]
    counts_K = np.bincount(labels_N, minlength=num_classes)
    sums_K = np.bincount(labels_N, weights=_of(probabilities_NK, labels_N), minlength=num_classes)
    thresholds_K = np.ones(num_classes, np.float32)
    thresholds_K[counts_K > 0] = (sums_K / np.maximum(counts_K, 1))[counts_K > 0]
    return thresholds_K


def find_doubts(probabilities_NK: Floats, labels_N: Numbers, thresholds_K: Floats) -> Doubts:
    """Return the labels that are probably wrong.

    The doubt of a label is the logarithm of the ratio of two probabilities, of the proposed class
    and of the label. Both are smoothed, so that the last thousandths do not decide; and both are
    divided by a power of the class's threshold, so that classes which the heads often miss are
    neither all doubtful nor never proposed.

    Args:
        probabilities_NK: of each image, by a model that was not trained on it.
        labels_N: class numbers.
        thresholds_K: see `class_thresholds`.
    """
    proposed_N = probabilities_NK.argmax(axis=1)
    own_N, best_N = _of(probabilities_NK, labels_N), probabilities_NK.max(axis=1)
    scales_K = np.maximum(thresholds_K, np.finfo(np.float32).tiny) ** _CORRECTION
    doubt_N = np.log((best_N + _SMOOTHING) / scales_K[proposed_N])
    doubt_N -= np.log((own_N + _SMOOTHING) / scales_K[labels_N])
    rows = np.flatnonzero(best_N > own_N)
    order = np.argsort(-doubt_N[rows], kind="stable")
    confident_N = best_N >= thresholds_K[proposed_N]
    return Doubts(rows[order], proposed_N[rows][order], confident_N[rows][order])


def _of(probabilities_NK: Floats, classes_N: Numbers) -> Floats:
    """Return the probability of one class for each image, `[N]`."""
    found_N: Floats = probabilities_NK[np.arange(len(classes_N)), classes_N]
    return found_N
