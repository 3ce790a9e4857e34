"""The criteria of a comparison: the policy on the difference, and a floor for each class."""

from collections.abc import Iterable
from dataclasses import dataclass

from lradapt.gate.comparison import ClassResult
from lradapt.gate.rules import Rules


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """Whether the difference passes the policy, and why, in words."""

    passed: bool
    words: str


def apply_policy(
    difference: float, lower: float, rules: Rules, *, class_added: bool = False
) -> PolicyResult:
    """Apply the policy to the difference of balanced accuracy. A tie never passes.

    Under `not_worse` the challenger must also have the better measured value. Otherwise a series of
    promotions, each within the margin, could lower the accuracy step by step. A challenger that
    knows one class more must only be no worse on the other classes, whatever the policy: it gains a
    class that the model in production cannot predict at all.
    """
    within = f"no worse by {100 * rules.margin:g} points"
    if class_added:
        passed = lower > -rules.margin
        shown = within if passed else f"not shown to be {within}"
        return PolicyResult(passed, f"{shown} on the classes that both know")
    if difference == 0:
        return PolicyResult(False, "a tie")
    if rules.policy == "superior":
        passed = lower > 0
        return PolicyResult(passed, "superior" if passed else "not shown to be superior")
    if difference < 0:
        return PolicyResult(False, "worse as measured")
    passed = lower > -rules.margin
    shown = f"and {within}" if passed else f"but not shown to be {within}"
    return PolicyResult(passed, f"better as measured, {shown}")


def below_recall_floor(classes: Iterable[ClassResult], rules: Rules) -> list[ClassResult]:
    """Return the classes whose recall drops by more than `max_recall_drop`.

    In a class with `min_floor_images` the measured drop counts. In a smaller class a few images are
    a large drop, so there the drop must be significant: beyond the limit even at its upper bound.
    """
    return [
        each
        for each in classes
        if (-each.upper if is_small(each, rules) else each.drop) > rules.max_recall_drop
    ]


def is_small(each: ClassResult, rules: Rules) -> bool:
    """Return whether the class has too few images for a floor on the measured drop."""
    return each.images < rules.min_floor_images
