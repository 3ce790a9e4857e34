"""The tests of a period: predicted classes, features, brightness and sharpness.

Their random numbers depend on the seed alone, so that the same record has the same p-values each
time: a test that was repeated with other numbers until it rejects would have no level.
"""

from typing import Literal

import numpy as np

from lradapt.drift.class_shift import compare_classes
from lradapt.drift.feature_shift import compare_features
from lradapt.drift.image_quality import compare_values
from lradapt.drift.observed import Observed, Values
from lradapt.drift.permutation import permutations_needed

Signal = Literal["classes", "features", "brightness", "sharpness"]
SIGNALS: tuple[Signal, ...] = ("classes", "features", "brightness", "sharpness")

MOST_IMAGES = 2000
"""Of the reference and of a period that the test of the features reads; more are drawn from."""


def compare(
    reference: Observed, period: Observed, *, level: float, seed: tuple[int, ...]
) -> dict[Signal, float]:
    """Return the p-value of each signal; of the features only if the model gives them.

    Args:
        reference: images without a change.
        period: images to test.
        level: of one test, which has as many permutations as that needs.
        seed: of the random numbers.
    """
    needed, random = permutations_needed(level), np.random.default_rng(seed)
    found: dict[Signal, float] = {
        "classes": compare_classes(
            reference.probabilities, period.probabilities, num_permutations=needed, random=random
        ).p_value
    }
    if reference.features.shape[1] == period.features.shape[1] > 0:
        found["features"] = compare_features(
            _some(reference.features, random),
            _some(period.features, random),
            num_permutations=needed,
            random=random,
        ).p_value
    found["brightness"] = compare_values(reference.brightness, period.brightness)
    found["sharpness"] = compare_values(reference.sharpness, period.sharpness)
    return found


def _some(features_ND: Values, random: np.random.Generator) -> Values:
    """Return at most `MOST_IMAGES` of the rows, chosen at random."""
    if len(features_ND) <= MOST_IMAGES:
        return features_ND
    return features_ND[random.choice(len(features_ND), MOST_IMAGES, replace=False)]
