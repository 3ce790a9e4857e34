"""The energy distance of features: scipy's in one dimension, and what it sees."""

import numpy as np
import pytest
from scipy import stats

from lradapt.drift import feature_shift
from lradapt.drift.feature_shift import (
    compare_features,
    compare_points,
    energy_distances,
    pairwise_distances,
    principal_components,
)


def energy(before_NE, after_ME):
    distances_TT = pairwise_distances(np.concatenate([before_NE, after_ME]).astype(np.float32))
    last_1T = np.repeat(np.float32([[0, 1]]), [len(before_NE), len(after_ME)], axis=1)
    return energy_distances(distances_TT, distances_TT.sum(axis=1, dtype=float), last_1T)[0]


def test_the_energy_distance_in_one_dimension_is_the_square_of_scipys():
    random = np.random.default_rng(0)
    before_N, after_M = random.normal(size=30), random.exponential(size=20)
    theirs = stats.energy_distance(before_N, after_M) ** 2
    assert energy(before_N[:, None], after_M[:, None]) == pytest.approx(theirs, rel=1e-4)


def test_its_p_value_is_that_of_scipys_permutation_test():
    random = np.random.default_rng(4)
    before_N, after_M = random.normal(size=25), random.normal(0.8, size=15)
    theirs = stats.permutation_test(
        (before_N, after_M),
        stats.energy_distance,
        n_resamples=999,
        alternative="greater",
        rng=np.random.default_rng(5),
    ).pvalue
    both_T1 = np.concatenate([before_N, after_M])[:, None].astype(np.float32)
    ours = compare_points(
        pairwise_distances(both_T1), 15, num_permutations=9999, random=random, enough=1000
    )
    assert ours.p_value == pytest.approx(theirs, abs=0.02)


def test_it_sees_a_change_of_the_spread_alone():
    random = np.random.default_rng(6)
    before_ND = random.normal(size=(100, 5)).astype(np.float32)
    after_MD = (3 * random.normal(size=(80, 5))).astype(np.float32)
    found = compare_features(before_ND, after_MD, num_permutations=999, random=random)
    assert found.p_value == 1 / 1000


def test_features_of_large_size_do_not_hide_a_change_of_the_others(monkeypatch):
    random = np.random.default_rng(7)
    monkeypatch.setattr(feature_shift, "NUM_COMPONENTS", 2)
    features_TD = random.normal(size=(200, 5)) * [1, 1000, 1, 1000, 1]
    features_TD[100:, [0, 2, 4]] += 2
    before_ND, after_MD = np.split(features_TD.astype(np.float32), 2)
    found = compare_features(before_ND, after_MD, num_permutations=999, random=random)
    assert found.p_value == 1 / 1000


def test_components_have_variance_one_and_equal_features_have_none(monkeypatch):
    random = np.random.default_rng(8)
    monkeypatch.setattr(feature_shift, "NUM_COMPONENTS", 4)
    points_TE = principal_components(random.normal(size=(90, 6)).astype(np.float32))
    assert points_TE.shape == (90, 4)
    assert points_TE.T @ points_TE / 90 == pytest.approx(np.eye(4), abs=1e-4)
    assert principal_components(np.ones((50, 6), np.float32)).shape == (50, 0)
    constant = np.ones((50, 6), np.float32)
    assert compare_features(constant, constant, num_permutations=99, random=random).p_value == 1.0


def test_the_order_of_the_images_does_not_change_the_distance():
    """Else the reference could be told apart without a change."""
    random = np.random.default_rng(9)
    features_TD = random.normal(size=(60, 100)).astype(np.float32)
    order_T = random.permutation(60)
    usual_TT = pairwise_distances(principal_components(features_TD))
    other_TT = pairwise_distances(principal_components(features_TD[order_T]))
    assert other_TT == pytest.approx(usual_TT[order_T][:, order_T], abs=0.02)
