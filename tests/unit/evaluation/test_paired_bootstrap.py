import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lradapt.evaluation.paired_bootstrap import bounds, resampled_differences

MANY = 40_000


def resampled(images, num_resamples=MANY, seed=0):
    """Of images as (class, group, gain)."""
    labels, groups, gains = (np.array(column) for column in zip(*images, strict=True))
    options = {"num_resamples": num_resamples, "seed": seed}
    return resampled_differences(labels, groups, gains[:, None], **options)[:, :, 0]


def shares(values):
    """Value -> how often, in hundredths."""
    found, counts = np.unique(np.round(values, 6), return_counts=True)
    return dict(zip(found.tolist(), (counts / len(values)).round(2).tolist(), strict=True))


def test_one_group_less_is_drawn_from_all_and_a_made_up_image():
    # One draw of four: the two images, and half an image in favour of either model.
    found = shares(resampled([(0, 0, 1), (0, 1, 0)])[:, 0])
    assert found == pytest.approx({1: 1.5 / 3, 0: 1 / 3, -1: 0.5 / 3}, abs=0.01)


def test_a_group_is_drawn_whole():
    found = shares(resampled([(0, 0, 1), (0, 0, 1), (0, 0, 0), (0, 0, 0)])[:, 0])
    assert found == pytest.approx({0.5: 1 / 2, 1: 1 / 4, -1: 1 / 4}, abs=0.01)


def test_a_group_of_two_classes_is_drawn_with_the_rarer_and_counts_in_both():
    found = resampled([(0, 0, 1), (1, 0, 1), (1, 1, 0)])
    assert shares(found[:, 0]) == pytest.approx({1: 0.75, -1: 0.25}, abs=0.01)
    # Half the time the common group is drawn: (1 + x) / 2, else x, with x of 0, 1, -1.
    expected = {0.5: 1 / 4, 0: 3 / 8, 1: 1 / 4, -1: 1 / 8}
    assert shares(found[:, 1]) == pytest.approx(expected, abs=0.01)


def test_each_class_is_drawn_by_itself():
    first, second = resampled([(k, 10 * k + n, n % 3 - 1) for k in (0, 1) for n in range(9)]).T
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.02


def test_with_many_images_the_spread_is_that_of_the_formula():
    gains = [1] * 100 + [-1] * 100 + [0] * 800
    found = resampled([(0, number, gain) for number, gain in enumerate(gains)])[:, 0]
    assert found.mean() == pytest.approx(0, abs=0.0005)
    assert found.std() == pytest.approx(np.sqrt(0.2 / 1000), rel=0.02)


def test_images_that_come_in_pairs_are_worth_half_as_many():
    gains = [1] * 100 + [-1] * 100 + [0] * 800
    found = resampled([(0, number // 2, gain) for number, gain in enumerate(gains)])[:, 0]
    assert found.std() == pytest.approx(np.sqrt(0.2 / 500), rel=0.02)


def test_a_class_in_which_the_models_never_disagree_is_not_taken_for_certain():
    rare = resampled([(0, number, 0) for number in range(10)])[:, 0]
    common = resampled([(0, number, 0) for number in range(1000)])[:, 0]
    assert 0.05 < rare.std() < 0.15
    assert common.std() < 0.002


def test_the_seed_alone_changes_the_draws():
    images = [(0, number, number % 3 - 1) for number in range(20)]
    assert np.array_equal(resampled(images, 50), resampled(images, 50))
    assert not np.array_equal(resampled(images, 50), resampled(images, 50, seed=1))


images = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 7), st.sampled_from([-1, 0, 1])), max_size=30
).map(lambda drawn: [*drawn, (0, 8, 0), (1, 9, 1), (2, 10, -1)])


@settings(deadline=None)
@given(images, st.randoms(use_true_random=False))
def test_the_order_of_the_images_and_gaps_between_groups_change_nothing(images, random):
    other = [(label, 3 * group + 5, gain) for label, group, gain in images]
    random.shuffle(other)
    assert np.array_equal(resampled(images, 20), resampled(other, 20))


def test_several_comparisons_meet_the_same_draws():
    labels, groups, gains = np.arange(40) % 3, np.arange(40) // 2, np.arange(40) % 3 - 1
    options = {"num_resamples": 2500, "seed": 0}
    both = resampled_differences(labels, groups, np.stack([gains, -gains], 1), **options)
    one = resampled_differences(labels, groups, gains[:, None], **options)
    assert both.shape == (2500, 3, 2)
    assert np.array_equal(both[:, :, 0], one[:, :, 0])


@settings(deadline=None)
@given(images)
def test_every_class_has_a_difference_within_one(images):
    found = resampled(images, 50)
    assert found.shape == (50, 3)
    assert np.isfinite(found).all()
    assert (np.abs(found) <= 1).all()


def test_bounds_are_percentiles_outwards():
    assert bounds(np.arange(100.0), 0.95) == (4, 95)
    low, high = bounds(np.stack([np.arange(100.0), np.arange(100.0) / 2], axis=1), 0.9)
    assert low.tolist() == [9, 4.5]
    assert high.tolist() == [90, 45]


def test_rounded_sums_leave_no_bound_beside_zero():
    assert bounds(np.full(9, 0.1 + 0.2 - 0.3), 0.95) == (0, 0)
