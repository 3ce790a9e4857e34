from dataclasses import replace

import pytest
from gate_verdicts import RULES

from lradapt.gate.comparison import ClassResult
from lradapt.gate.criteria import apply_policy, below_recall_floor, is_small


def words(policy, difference, lower, **options):
    found = apply_policy(difference, lower, replace(RULES, policy=policy), **options)
    return found.passed, found.words


@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        (0.001, (True, "superior")),
        (0, (False, "not shown to be superior")),
        (-0.01, (False, "not shown to be superior")),
    ],
)
def test_superior_is_a_lower_bound_above_zero(lower, expected):
    assert words("superior", 0.03, lower) == expected


@pytest.mark.parametrize(
    ("difference", "lower", "expected"),
    [
        (0.03, 0.01, (True, "better as measured, and no worse by 2 points")),
        (0.01, -0.019, (True, "better as measured, and no worse by 2 points")),
        (0.01, -0.02, (False, "better as measured, but not shown to be no worse by 2 points")),
        (-0.001, -0.01, (False, "worse as measured")),
    ],
)
def test_not_worse_is_better_as_measured_with_a_lower_bound_above_minus_the_margin(
    difference, lower, expected
):
    assert words("not_worse", difference, lower) == expected


@pytest.mark.parametrize("policy", ["superior", "not_worse"])
def test_a_tie_does_not_pass(policy):
    assert words(policy, 0, 0) == (False, "a tie")


@pytest.mark.parametrize("policy", ["superior", "not_worse"])
@pytest.mark.parametrize(
    ("lower", "expected"),
    [
        (-0.019, (True, "no worse by 2 points on the classes that both know")),
        (-0.02, (False, "not shown to be no worse by 2 points on the classes that both know")),
    ],
)
def test_with_a_class_more_the_margin_decides_under_either_policy(policy, lower, expected):
    assert words(policy, -0.005, lower, class_added=True) == expected


def result(images, champion, challenger, upper=0.0):
    return ClassResult(
        name="mel",
        images=images,
        groups=images,
        champion=champion,
        challenger=challenger,
        lower=-1.0,
        upper=upper,
    )


@pytest.mark.parametrize(
    ("champion", "challenger", "is_below"),
    [
        (0.7, 0.64, True),
        (0.7, 0.65, False),
        (0.65, 0.6, False),
        (0.7, 0.66, False),
        (0.6, 0.7, False),
    ],
)
def test_in_a_class_with_enough_images_the_measured_drop_counts(champion, challenger, is_below):
    assert (
        bool(below_recall_floor([result(50, champion, challenger, upper=0.02)], RULES)) is is_below
    )


@pytest.mark.parametrize(("upper", "is_below"), [(-0.06, True), (-0.05, False), (0.02, False)])
def test_a_smaller_class_is_below_only_beyond_chance(upper, is_below):
    assert bool(below_recall_floor([result(49, 0.7, 0.4, upper)], RULES)) is is_below


def test_a_class_is_small_below_the_least_number():
    assert [is_small(result(n, 0.5, 0.5), RULES) for n in (49, 50)] == [True, False]
