"""What doubtful answers are worth, measured on the test set: coverage, set size, images rejected.

Letters: N images, K classes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lradapt.evaluation.intervals import Integers, share_interval
from lradapt.networks.answer_limits import SetLimits, UnlikeLimit

Flags = npt.NDArray[np.bool_]


def measure_sets(
    sets: SetLimits,
    probabilities_NK: npt.NDArray[np.floating],
    labels_N: Integers,
    groups_N: Integers,
    class_names: Sequence[str],
) -> dict[str, Any]:
    """Return the entry `unsure` of metrics.json: how the sets of classes fit the test images.

    Shares are in [0, 1], with 95 % intervals by group; a class without an image has None.

    Args:
        sets: the limits of the model.
        probabilities_NK: of the test images, one or more.
        labels_N: their classes, indices of `class_names`.
        groups_N: their groups.
        class_names: K names.
    """
    inside_NK = sets.contain(probabilities_NK, class_names)
    covered_N = inside_NK[np.arange(len(labels_N)), labels_N]
    sizes_N = inside_NK.sum(axis=1)
    always = set(sets.always)
    classes = {
        name: {
            **_share("coverage", covered_N[labels_N == k], groups_N[labels_N == k]),
            "set_size": _mean(sizes_N[labels_N == k]),
            "validation_images": sets.num_images[name],
            "in_every_set": name in always,
        }
        for k, name in enumerate(class_names)
    }
    return {
        "asked": sets.coverage,
        **_share("coverage", covered_N, groups_N),
        "set_size": _mean(sizes_N),
        "one_class": _mean(sizes_N == 1),
        "no_class": _mean(sizes_N == 0),
        "classes": classes,
    }


def measure_unlike(
    limit: UnlikeLimit,
    distances_N: npt.NDArray[np.floating],
    labels_N: Integers,
    groups_N: Integers,
    class_names: Sequence[str],
) -> dict[str, Any]:
    """Return the entry `unlike_training` of metrics.json: which test images are rejected.

    Args:
        limit: of the model.
        distances_N: of the test images, one or more, to the training images.
        labels_N: their classes, indices of `class_names`.
        groups_N: their groups.
        class_names: K names.
    """
    beyond_N = distances_N > limit.limit
    own: Mapping[str, Flags] = {name: labels_N == k for k, name in enumerate(class_names)}
    return {
        "limit": limit.limit,
        "asked": 1 - limit.kept,
        "expected": 1 - limit.expected,
        "validation_images": limit.num_images,
        **_share("rejected", beyond_N, groups_N),
        "classes": {n: _share("rejected", beyond_N[o], groups_N[o]) for n, o in own.items()},
    }


def _share(name: str, flags_N: Flags, groups_N: Integers) -> dict[str, Any]:
    interval = list(share_interval(flags_N, groups_N)) if len(flags_N) else None
    return {name: _mean(flags_N), "interval": interval}


def _mean(values_N: npt.NDArray[Any]) -> float | None:
    return float(values_N.mean()) if len(values_N) else None
