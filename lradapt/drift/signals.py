"""The tests of a period: predicted classes, features, brightness and sharpness.

Their random numbers depend on the seed alone, so that the same record has the same p-values each
time: a test that was repeated with other numbers until it rejects would have no level.
"""

from typing import Literal

import numpy as np

from lradapt.drift.class_shift import compare_classes
from lradapt.drift.feature_shift import compare_features
from lradapt.drift.grouped import one_of_each
from lradapt.drift.observed import Integers, Observed, Reference
from lradapt.drift.permutation import permutations_needed
from lradapt.drift.value_shift import compare_values

Signal = Literal["classes", "features", "brightness", "sharpness"]
SIGNALS: tuple[Signal, ...] = ("classes", "features", "brightness", "sharpness")

MOST_IMAGES = 2000
"""Of the reference and of a period that the test of the features reads; more are drawn from."""


def compare(
    reference: Reference,
    period: Observed,
    *,
    level: float,
    seed: tuple[int, ...],
    groups_M: Integers | None = None,
) -> dict[Signal, float]:
    """Return the p-value of each signal; of the features only if the model gives them.

    Args:
        reference: images without a change.
        period: images to test.
        level: of one test, which has as many permutations as that needs.
        seed: of the random numbers.
        groups_M: the number of the group of each image of the period; None: they are not known.
    """
    needed, random = permutations_needed(level), np.random.default_rng(seed)
    known, groups_N = reference.observed, reference.groups
    if groups_M is not None:
        known = known.at(one_of_each(groups_N, random))
        period = period.at(one_of_each(groups_M, random))
        groups_N = np.arange(len(known))
    found: dict[Signal, float] = {
        "classes": compare_classes(
            known.probabilities,
            period.probabilities,
            num_permutations=needed,
            random=random,
            groups_N=groups_N,
        ).p_value
    }
    if known.features.shape[1] == period.features.shape[1] > 0:
        rows, rows_of_period = _some_rows(len(known), random), _some_rows(len(period), random)
        found["features"] = compare_features(
            known.features[rows],
            period.features[rows_of_period],
            num_permutations=needed,
            random=random,
            groups_N=groups_N[rows],
        ).p_value
    found["brightness"] = compare_values(
        known.brightness, period.brightness, groups_N=groups_N, random=random
    )
    found["sharpness"] = compare_values(
        known.sharpness, period.sharpness, groups_N=groups_N, random=random
    )
    return found


def _some_rows(num_images: int, random: np.random.Generator) -> Integers:
    """Return the rows of all images, or of `MOST_IMAGES` chosen at random."""
    if num_images <= MOST_IMAGES:
        return np.arange(num_images)
    return random.choice(num_images, MOST_IMAGES, replace=False)
