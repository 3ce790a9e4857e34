from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lradapt.training.folds import fold_numbers


def test_each_class_is_spread_over_all_folds():
    assert fold_numbers([0, 0, 0, 1, 1, 1, 1], range(7), num_folds=3) == [0, 1, 2, 0, 1, 2, 0]


def test_large_groups_come_first_and_small_ones_even_them_out():
    groups = [0, 1, 1, 1, 2, 3, 4]
    assert fold_numbers([0] * 7, groups, num_folds=2) == [1, 0, 0, 0, 1, 1, 0]


def test_a_group_of_two_classes_counts_to_the_rarer_one():
    # Groups 0, 1 and 2 hold class 1, the rarer one: each goes to a fold of its own.
    labels, groups = [0, 1, 0, 1, 0, 1, 0, 0, 0], [0, 0, 1, 1, 2, 2, 3, 4, 5]
    folds = fold_numbers(labels, groups, num_folds=3)
    assert folds == [0, 0, 1, 1, 2, 2, 0, 1, 2]


CASES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 8)), min_size=1, max_size=60)


@given(CASES, st.integers(1, 3), st.randoms(use_true_random=False))
def test_groups_are_whole_no_fold_is_empty_and_order_does_not_matter(rows, num_folds, random):
    num_folds = min(num_folds, len({group for _, group in rows}))
    folds = fold_numbers(*zip(*rows, strict=True), num_folds=num_folds)
    assert set(folds) == set(range(num_folds))
    fold_of = {group: fold for (_, group), fold in zip(rows, folds, strict=True)}
    assert folds == [fold_of[group] for _, group in rows]
    shuffled = random.sample(rows, len(rows))
    again = fold_numbers(*zip(*shuffled, strict=True), num_folds=num_folds)
    assert Counter(zip(rows, folds, strict=True)) == Counter(zip(shuffled, again, strict=True))
