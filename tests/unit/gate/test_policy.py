from dataclasses import replace

import pytest
from gate_verdicts import RULES

from lradapt.gate.policy import weigh


def words(policy, difference, lower, **options):
    found = weigh(difference, lower, replace(RULES, policy=policy), **options)
    return found.suffices, found.words


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
def test_a_tie_does_not_suffice(policy):
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
