"""Whether the tests of `lradapt drift` reject at their levels, faster than with their p-values."""

from functools import cache

import numpy as np
import numpy.typing as npt
from scipy.stats import kstwo

from benchmarks.drift_simulation.draws import Rows
from lradapt.drift.class_shift import compare_classes
from lradapt.drift.false_alarms import level_of_a_test
from lradapt.drift.feature_shift import (
    compare_points,
    energy_distances,
    pairwise_distances,
    principal_components,
)
from lradapt.drift.observed import Observed, Values
from lradapt.drift.permutation import EXCEEDANCES_ALLOWED, permutations_needed, random_subsets
from lradapt.drift.signals import SIGNALS
from lradapt.drift.value_shift import compare_values

Rejected = npt.NDArray[np.bool_]

LEVEL = level_of_a_test("week", len(SIGNALS))
ENOUGH = EXCEEDANCES_ALLOWED + 1
"""After so many a test cannot reject: no p-value is needed here."""
_CLEAR = 12.0  # deviations above the permutations, where a test rejects without all of them


def rejected_by(before: Observed, after: Observed, random: np.random.Generator) -> Rejected:
    """Return which signals reject, in their order."""
    features = np.concatenate([before.features, after.features])
    distances = pairwise_distances(principal_components(features))
    quick = _quick_tests(before, after, random)
    return np.array([quick[0], features_reject(distances, len(after), random), *quick[1:]])


def _quick_tests(before: Observed, after: Observed, random: np.random.Generator) -> list[bool]:
    """Return whether classes, brightness and sharpness reject."""
    return [
        classes_reject(before.probabilities, after.probabilities, random),
        compare_values(before.brightness, after.brightness) <= LEVEL,
        compare_values(before.sharpness, after.sharpness) <= LEVEL,
    ]


def classes_reject(
    before: Values, after: Values, random: np.random.Generator, groups: Rows | None = None
) -> bool:
    """Return whether the test of the classes rejects."""
    found = compare_classes(
        before,
        after,
        num_permutations=permutations_needed(LEVEL),
        random=random,
        enough=ENOUGH,
        groups_N=groups,
    )
    return found.p_value <= LEVEL


def features_reject(distances: Values, volume: int, random: np.random.Generator) -> bool:
    """Return whether the test of the features rejects; a clear result takes few permutations."""
    sums, total = distances.sum(axis=1, dtype=np.float64), len(distances)
    subsets = random_subsets(total, volume, 101, random)
    subsets[0] = np.arange(total) >= total - volume
    observed, *drawn = energy_distances(distances, sums, subsets)
    if observed > np.mean(drawn) + _CLEAR * np.std(drawn):
        return True
    return (
        compare_points(
            distances,
            volume,
            num_permutations=permutations_needed(LEVEL),
            random=random,
            enough=ENOUGH,
        ).p_value
        <= LEVEL
    )


@cache
def critical_gap(reference: int, volume: int) -> float:
    """Return the gap of the distribution functions at which `compare_values` rejects."""
    effective = round(reference * volume / (reference + volume))
    return float(kstwo.isf(LEVEL, effective))


def largest_gap(before: Values, after: Values) -> float:
    """Return the statistic of Kolmogorov and Smirnov; scipy's takes a hundred times longer."""
    before, after = np.sort(before), np.sort(after)
    both = np.concatenate([before, after])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (before, after)]
    return float(np.abs(shares[0] - shares[1]).max())
