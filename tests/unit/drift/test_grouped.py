"""Images in groups: how much larger differences are, and that this alone is no drift."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from lradapt.drift.class_shift import compare_classes
from lradapt.drift.feature_shift import compare_features
from lradapt.drift.grouped import halves_of_groups, inflation, one_of_each
from lradapt.drift.observed import Observed, Reference
from lradapt.drift.signals import compare
from lradapt.drift.value_shift import compare_values, largest_gaps

FIVES_N = np.arange(200) // 5


def five_alike(random, num_groups, width):
    """Points of groups of five that hardly differ."""
    centres = np.repeat(random.normal(size=(num_groups, width)), 5, axis=0)
    return (centres + 0.05 * random.normal(size=centres.shape)).astype(np.float32)


def test_the_variance_of_means_of_five_alike_is_five_times_larger():
    random = np.random.default_rng(0)
    values_N = five_alike(random, 40, 1)[:, 0]
    values_N -= values_N.mean()
    found = inflation(lambda subsets: (subsets @ values_N) ** 2, FIVES_N, random)
    assert found == pytest.approx(5, rel=0.3)


def test_single_images_are_not_inflated_and_nothing_is_below_one():
    random = np.random.default_rng(1)
    assert inflation(None, np.arange(200), random) == 1.0
    values_N = np.tile([1.0, -1, 1, -1, 0], 40)  # each group has the same sum
    assert inflation(lambda subsets: (subsets @ values_N) ** 2, FIVES_N, random) == 1.0
    assert inflation(lambda subsets: subsets[:, 0] * 0.0, FIVES_N, random) == 1.0


def test_halves_have_half_of_the_images_in_whole_groups_but_for_one():
    halves_BN = halves_of_groups(np.arange(21) // 3, 50, np.random.default_rng(2))
    assert (halves_BN.sum(axis=1) == 10).all()
    of_group = halves_BN.reshape(50, 7, 3).sum(axis=2)
    assert (np.sum((of_group > 0) & (of_group < 3), axis=1) == 1).all()
    assert len({tuple(half) for half in halves_BN.tolist()}) > 40


def test_the_gaps_of_subsets_are_those_of_scipy():
    random = np.random.default_rng(3)
    values_N = random.normal(size=60)
    subsets_BN = halves_of_groups(np.arange(60) // 2, 5, random)
    theirs = [ks_2samp(values_N[half > 0], values_N[half == 0]).statistic for half in subsets_BN]
    assert largest_gaps(values_N, subsets_BN) == pytest.approx(theirs)


@pytest.mark.parametrize("groups", [np.arange(60) // 2, np.arange(60) // 15])
def test_equal_values_are_one_step_as_for_scipy(groups):
    random = np.random.default_rng(5)
    values_N = random.integers(0, 4, 60).astype(float)
    subsets_BN = halves_of_groups(groups, 5, random)
    halves = [(values_N[half > 0], values_N[half == 0]) for half in subsets_BN]
    theirs = [ks_2samp(*each, method="asymp").statistic for each in halves]
    assert largest_gaps(values_N, subsets_BN) == pytest.approx(theirs)


def test_values_that_are_all_equal_have_no_gap():
    subsets_BN = halves_of_groups(np.arange(60) // 15, 5, np.random.default_rng(6))
    assert largest_gaps(np.ones(60), subsets_BN) == pytest.approx(np.zeros(5), abs=0)


def test_a_period_of_groups_is_no_drift_of_a_reference_of_groups():
    """Taken as single images, nearly each such period would be one."""
    random = np.random.default_rng(4)
    how = {"num_permutations": 199, "random": random}
    rejected, single = [], []
    for _ in range(12):
        before, after = five_alike(random, 40, 12), five_alike(random, 20, 12)
        for each, groups in ((rejected, FIVES_N), (single, None)):
            each.append(
                [
                    compare_classes(before, after, groups_N=groups, **how).p_value <= 0.01,
                    compare_features(before, after, groups_N=groups, **how).p_value <= 0.01,
                    compare_values(before[:, 0], after[:, 0], groups_N=groups, random=random)
                    <= 0.01,
                ]
            )
    assert np.mean(rejected, axis=0).max() <= 0.17
    assert np.mean(single, axis=0).min() >= 0.2


def test_a_drift_of_groups_is_seen():
    random = np.random.default_rng(5)
    before, after = five_alike(random, 40, 12), five_alike(random, 20, 12) + 1.5
    how = {"num_permutations": 999, "random": random, "groups_N": FIVES_N}
    assert compare_features(before, after, **how).p_value == 1 / 1000
    assert compare_values(before[:, 0], after[:, 0], random=random, groups_N=FIVES_N) < 0.01


def test_one_image_of_each_group_is_drawn_and_each_equally_often():
    groups_N = np.array([2, 0, 2, 1, 2])
    rows = [one_of_each(groups_N, np.random.default_rng(seed)) for seed in range(300)]
    assert all(sorted(groups_N[each]) == [0, 1, 2] for each in rows)
    drawn = np.bincount(np.concatenate(rows), minlength=5)
    assert (drawn[1], drawn[3]) == (300, 300)
    assert drawn[[0, 2, 4]] == pytest.approx([100] * 3, abs=30)


def observed(points_NX):
    """What a model of two classes gives, by points."""
    share_N = 1 / (1 + np.exp(-points_NX[:, 0]))
    both_N2 = np.stack([share_N, 1 - share_N], axis=1).astype(np.float32)
    return Observed(both_N2, points_NX, points_NX[:, 1], points_NX[:, 2])


def p_values(before, groups_N, after, groups_M, seed=0):
    """The p-values of a period whose groups are known."""
    labels_N = np.zeros(len(before), np.int64)
    reference = Reference("v", ("a", "b"), labels_N, groups_N, observed(before))
    period = observed(after)
    return [*compare(reference, period, level=0.01, seed=(seed,), groups_M=groups_M).values()]


def test_a_period_whose_groups_are_known_is_no_drift_though_they_are_larger_than_the_references():
    """By the groups of the reference alone, single images, most such periods would be one."""
    random = np.random.default_rng(6)
    known, alone = [], []
    for seed in range(12):
        before = random.normal(size=(200, 12)).astype(np.float32)
        after = five_alike(random, 20, 12)
        for each, groups in ((known, FIVES_N[:100]), (alone, np.arange(100))):
            each.append(p_values(before, np.arange(200), after, groups, seed))
    assert np.mean(np.array(known) <= 0.01) <= 0.05
    assert np.mean(np.array(alone) <= 0.01, axis=0).min() >= 0.15


def test_one_large_group_is_no_drift_and_a_drift_of_all_groups_is_one():
    random = np.random.default_rng(7)
    before, after = random.normal(size=(2, 200, 12)).astype(np.float32)
    after[100:] = after[100] + 2  # of one patient
    groups_M = np.minimum(np.arange(200), 100)
    assert min(p_values(before, np.arange(200), after, groups_M)) > 0.001
    assert min(p_values(after, groups_M, before, np.arange(200))) > 0.001
    assert max(p_values(before, np.arange(200), after + 2, np.arange(200))) <= 0.01
