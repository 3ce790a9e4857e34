"""The limits of doubtful answers, fitted on the validation split with finite-sample quantiles.

The set of classes that an image may be of is conformal for each class (Mondrian: Vovk, Gammerman
and Shafer 2005, section 4.5). By the score 1 - probability the sets are, on average, the smallest
with a given coverage of each class (Sadinle, Lei and Wasserman 2019, doi
10.1080/01621459.2017.1395341). Letters: N images, K classes.
"""

from collections.abc import Sequence

import numpy as np

from lradapt.evaluation.calibration import Floats, Labels
from lradapt.networks.answer_limits import SetLimits, UnlikeLimit, rank_of


def fit_sets(
    probabilities_NK: Floats, labels_N: Labels, class_names: Sequence[str], coverage: float
) -> SetLimits | None:
    """Return the least probability of each class; None without any image.

    Args:
        probabilities_NK: of the validation images, as the exported model gives them.
        labels_N: their classes, indices of `class_names`.
        class_names: K names.
        coverage: share of the images of each class that have it in their set, in (0, 1).
    """
    if not len(labels_N):
        return None
    own = {name: probabilities_NK[labels_N == k, k] for k, name in enumerate(class_names)}
    return SetLimits(
        coverage,
        {name: _least(values, coverage) for name, values in own.items()},
        {name: len(values) for name, values in own.items()},
    )


def _least(probabilities_N: Floats, coverage: float) -> float:
    rank = rank_of(len(probabilities_N), coverage)
    if rank > len(probabilities_N):
        return 0.0
    return float(np.sort(probabilities_N)[::-1][rank - 1])


def fit_unlike(distances_N: Floats, kept: float) -> UnlikeLimit | None:
    """Return the limit of the distances; None without any image.

    Where the images are too few for the share, it is the largest of their distances.

    Args:
        distances_N: of the validation images to the training images.
        kept: share of images like these that are within the limit, in (0, 1).
    """
    count = len(distances_N)
    if not count:
        return None
    rank = min(rank_of(count, kept), count)
    return UnlikeLimit(float(np.sort(distances_N)[rank - 1]), kept, count)
