"""The 95 % intervals of the test metrics, by groups: images of one group are not independent.

A share (accuracy, a class's recall) has the score interval of Wilson (1927) with an effective
number of images: their number divided by the design effect of the hits, at least as many as if the
images of a group were all alike, and at most as many as there are (Kish 1965). Unlike resampling,
it does not have zero width where every answer is correct. A mean of shares (balanced accuracy)
combines theirs as Zou and Donner (2008, doi 10.1002/sim.3095) do. Macro-F1 has no formula: groups
are resampled within their class, one less than there are (as the gate does), for its percentiles.

Letters: N images, G groups, K classes, R resamples.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lradapt.evaluation.paired_bootstrap import rarest_class

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_Z = 1.959964  # of the normal distribution, for 95 %
_NUM_RESAMPLES = 2000
_BLOCK = 500  # resamples at a time


Interval = tuple[float, float]
"""The bounds of a 95 % interval, in [0, 1]."""


def metric_intervals(
    labels_N: Integers, predicted_N: Integers, groups_N: Integers, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return the intervals of the figures of `metrics.compute_metrics`, each as [low, high].

    Args:
        labels_N: class of each image, an index of `class_names`.
        predicted_N: predicted class of each image.
        groups_N: group of each image; any numbers.
        class_names: of the model; a class without an image has no interval: None.
    """
    hits_N = predicted_N == labels_N
    of_class = {k: labels_N == k for k in np.unique(labels_N).tolist()}
    recalls = {k: share_interval(hits_N[own_N], groups_N[own_N]) for k, own_N in of_class.items()}
    shares = [float(hits_N[own_N].mean()) for own_N in of_class.values()]
    return {
        "accuracy": list(share_interval(hits_N, groups_N)),
        "balanced_accuracy": list(mean_interval(shares, list(recalls.values()))),
        "macro_f1": list(macro_f1_interval(labels_N, predicted_N, groups_N)),
        "recall": {
            name: list(recalls[k]) if k in recalls else None for k, name in enumerate(class_names)
        },
    }


def share_interval(hits_N: npt.NDArray[np.bool_], groups_N: Integers) -> Interval:
    """Return the interval of the share of hits, for at least one image."""
    share, size = float(hits_N.mean()), _effective_size(hits_N, groups_N)
    middle = share + _Z**2 / (2 * size)
    half = _Z * math.sqrt(share * (1 - share) / size + _Z**2 / (4 * size**2))
    low, high = (middle - half) / (1 + _Z**2 / size), (middle + half) / (1 + _Z**2 / size)
    return _within(low, high)


def _effective_size(hits_N: npt.NDArray[np.bool_], groups_N: Integers) -> float:
    """Return the number of independent images that hold as much information."""
    _, groups_N = np.unique(groups_N, return_inverse=True)
    sizes_G = np.bincount(groups_N)
    all_alike = len(hits_N) ** 2 / float((sizes_G**2).sum())
    share = hits_N.mean()
    if len(sizes_G) == 1 or share in (0, 1):
        return all_alike
    surplus_G = np.bincount(groups_N, weights=hits_N - share)
    spread = len(sizes_G) / (len(sizes_G) - 1) * float((surplus_G**2).sum())
    if spread == 0:
        return float(len(hits_N))
    found = share * (1 - share) * len(hits_N) ** 2 / spread
    return float(np.clip(found, all_alike, len(hits_N)))


def mean_interval(shares: Sequence[float], intervals: Sequence[Interval]) -> Interval:
    """Return the interval of the mean of independent shares, each with its own interval."""
    below = [share - low for share, (low, _) in zip(shares, intervals, strict=True)]
    above = [high - share for share, (_, high) in zip(shares, intervals, strict=True)]
    mean, count = math.fsum(shares) / len(shares), len(shares)
    return _within(mean - math.hypot(*below) / count, mean + math.hypot(*above) / count)


def macro_f1_interval(labels_N: Integers, predicted_N: Integers, groups_N: Integers) -> Interval:
    """Return the interval of the mean F1 of the classes in `labels_N`; no width if all are hits."""
    classes, labels_N = np.unique(labels_N, return_inverse=True)
    _, groups_N = np.unique(groups_N, return_inverse=True)
    home_G = rarest_class(labels_N, groups_N)
    is_label_NK = labels_N[:, None] == np.arange(len(classes))
    is_predicted_NK = predicted_N[:, None] == classes
    hits_GK = _group_sums(is_predicted_NK & is_label_NK, groups_N)
    both_GK = _group_sums(is_label_NK, groups_N) + _group_sums(is_predicted_NK, groups_N)
    random = np.random.default_rng(0)
    means = []
    for _ in range(0, _NUM_RESAMPLES, _BLOCK):
        weights_RG = _weights(home_G, random)
        means.append((2 * (weights_RG @ hits_GK) / np.maximum(weights_RG @ both_GK, 1)).mean(1))
    low, high = np.quantile(np.concatenate(means), [0.025, 0.975]).tolist()
    return _within(low, high)


def _group_sums(values_NK: npt.NDArray[np.bool_], groups_N: Integers) -> npt.NDArray[np.float32]:
    sums_GK = np.zeros((int(groups_N.max()) + 1, values_NK.shape[1]), np.float32)
    np.add.at(sums_GK, groups_N, values_NK)
    return sums_GK


def _weights(home_G: Integers, random: np.random.Generator) -> npt.NDArray[np.float32]:
    """Draw the groups of each class: how often each is in each resample, `[R, G]`."""
    weights_RG = np.empty((_BLOCK, len(home_G)), np.float32)
    for home in np.unique(home_G):
        inside = np.flatnonzero(home_G == home)
        evenly = np.full(len(inside), 1 / len(inside))
        drawn = random.multinomial(max(len(inside) - 1, 1), evenly, size=_BLOCK)
        weights_RG[:, inside] = drawn
    return weights_RG


def _within(low: float, high: float) -> Interval:
    return max(0.0, low), min(1.0, high)
