"""Years of weekly tests without a change: which tests of which weeks reject."""

import numpy as np

from benchmarks.drift_simulation.draws import Rows, draw, one_of_each_group
from benchmarks.drift_simulation.pool import Pool
from benchmarks.drift_simulation.rejections import (
    ENOUGH,
    LEVEL,
    Rejected,
    classes_reject,
    critical_gap,
    features_reject,
    largest_gap,
)
from lradapt.drift.feature_shift import compare_points, pairwise_distances
from lradapt.drift.grouped import inflation
from lradapt.drift.observed import Values
from lradapt.drift.permutation import permutations_needed
from lradapt.drift.value_shift import largest_gaps

WEEKS = 53


def year(
    found: Pool,
    points: Values,
    reference: int,
    volume: int,
    *,
    groups: bool,
    random: np.random.Generator,
) -> Rejected:
    """Return which tests of which weeks without a change reject, `[weeks, signals]`."""
    before = draw(found, reference, groups=groups, random=random)
    known = found.groups[before] if groups else None
    weeks, critical = [], critical_gap(reference, volume)
    values = (found.base.brightness, found.base.sharpness)
    larger = [_inflation(each[before], known, random) for each in values]
    for _ in range(WEEKS):
        after = draw(found, volume, groups=groups, random=random)
        features = compare_points(
            pairwise_distances(points[np.append(before, after)]),
            volume,
            num_permutations=permutations_needed(LEVEL),
            random=random,
            enough=ENOUGH,
            groups_N=known,
        )
        classes = classes_reject(
            found.base.probabilities[before], found.base.probabilities[after], random, known
        )
        largest = [
            largest_gap(each[before], each[after]) / by
            for each, by in zip(values, larger, strict=True)
        ]
        weeks.append([classes, features.p_value <= LEVEL, *(each >= critical for each in largest)])
    return np.array(weeks)


def year_of_groups(
    found: Pool, points: Values, reference: int, volume: int, random: np.random.Generator
) -> Rejected:
    """Return the same where the record has groups: one image of each is compared."""
    before = one_of_each_group(found, reference, random)
    weeks = []
    for _ in range(WEEKS):
        after = one_of_each_group(found, volume, random)
        weeks.append(_week_rejects(found, points, before, after, random))
    return np.array(weeks)


def _week_rejects(
    found: Pool, points: Values, before: Rows, after: Rows, random: np.random.Generator
) -> list[bool]:
    """Return which tests of a week reject, of independent images."""
    distances = pairwise_distances(points[np.append(before, after)])
    critical = critical_gap(len(before), len(after))
    values = (found.base.brightness, found.base.sharpness)
    return [
        classes_reject(found.base.probabilities[before], found.base.probabilities[after], random),
        features_reject(distances, len(after), random),
        *(largest_gap(each[before], each[after]) >= critical for each in values),
    ]


def _inflation(values: Values, groups: Rows | None, random: np.random.Generator) -> float:
    if groups is None:
        return 1.0
    return inflation(lambda subsets: largest_gaps(values, subsets), groups, random)
