"""P-values by permutation: exact, reproducible, and with early stops that keep their level."""

import numpy as np
import pytest
from scipy import stats

from lradapt.drift.permutation import permutation_test, permutations_needed, random_subsets


def sequence(values):
    """A `draw` that gives these statistics one after the other."""
    left = list(values)
    return lambda count: np.array([left.pop(0) for _ in range(count)], float)


def test_the_p_value_counts_the_observed_arrangement_too():
    found = permutation_test(5.0, sequence([1, 6, 2, 5] + [0] * 95), num_permutations=99)
    assert (found.p_value, found.num_permutations) == (3 / 100, 99)


def test_nothing_as_large_gives_one_by_the_number_of_arrangements():
    assert permutation_test(5.0, sequence([0] * 999), num_permutations=999).p_value == 1 / 1000


def test_at_the_tenth_exceedance_no_more_is_drawn():
    found = permutation_test(1.0, sequence([0, 2] * 500), num_permutations=999)
    assert (found.p_value, found.num_permutations) == (10 / 20, 20)


def test_a_test_has_its_level_with_as_many_permutations_as_are_needed():
    for level in (0.05, 0.05 / 53 / 4, 0.05 / 366 / 4):
        needed = permutations_needed(level)
        assert 2 / (needed + 1) <= level < 2 / needed


def test_random_subsets_have_their_size_and_choose_each_image_equally_often():
    subsets_BT = random_subsets(20, 5, 4000, np.random.default_rng(0))
    assert (subsets_BT.sum(axis=1) == 5).all()
    assert subsets_BT.mean(axis=0) == pytest.approx(np.full(20, 0.25), abs=0.03)
    assert random_subsets(3, 3, 2, np.random.default_rng(0)).tolist() == [[1, 1, 1]] * 2


def test_the_p_value_is_that_of_scipy():
    random = np.random.default_rng(1)
    before_N, after_M = random.normal(size=40), random.normal(0.6, size=30)

    def difference(x, y, axis=-1):
        return np.abs(np.mean(x, axis=axis) - np.mean(y, axis=axis))

    both_T = np.concatenate([before_N, after_M])

    def draw(count):
        subsets_BT = random_subsets(70, 30, count, random)
        sums_B = subsets_BT @ both_T
        return np.abs(sums_B / 30 - (both_T.sum() - sums_B) / 40)

    ours = permutation_test(difference(before_N, after_M), draw, num_permutations=9999, enough=1000)
    theirs = stats.permutation_test(
        (before_N, after_M),
        difference,
        n_resamples=9999,
        alternative="greater",
        vectorized=True,
        rng=np.random.default_rng(2),
    )
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.01)


def test_early_stops_keep_the_level():
    """Under no change, a p-value of at most 5 % comes in at most 5 % of tests."""
    random = np.random.default_rng(3)
    found = [
        permutation_test(random.random(), random.random, num_permutations=199).p_value
        for _ in range(4000)
    ]
    assert 0.04 < np.mean(np.array(found) <= 0.05) < 0.057
