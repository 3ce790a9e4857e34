"""The one deciding rule: what the difference of balanced accuracy and its lower bound must show."""

from dataclasses import dataclass

from lradapt.gate.rules import Rules


@dataclass(frozen=True, slots=True)
class Finding:
    """Whether the difference suffices, and what it is in words."""

    suffices: bool
    words: str


def weigh(difference: float, lower: float, rules: Rules, *, class_added: bool = False) -> Finding:
    """Judge the difference of balanced accuracy under the policy. A tie never suffices.

    Under `not_worse` a challenger must also be better as measured: without that, a row of
    promotions, each of them within the margin, could lead down step by step. A challenger that
    knows one class more is asked only not to be worse on the others, whatever the policy: what it
    gains is a class that the model in production cannot name at all.

    Args:
        difference: of the challenger to the champion.
        lower: its one-sided lower bound.
        rules: with the policy and the margin.
        class_added: the challenger knows a class more.
    """
    within = f"no worse by {100 * rules.margin:g} points"
    if class_added:
        suffices = lower > -rules.margin
        shown = within if suffices else f"not shown to be {within}"
        return Finding(suffices, f"{shown} on the classes that both know")
    if difference == 0:
        return Finding(False, "a tie")
    if rules.policy == "superior":
        suffices = lower > 0
        return Finding(suffices, "superior" if suffices else "not shown to be superior")
    if difference < 0:
        return Finding(False, "worse as measured")
    suffices = lower > -rules.margin
    shown = f"and {within}" if suffices else f"but not shown to be {within}"
    return Finding(suffices, f"better as measured, {shown}")
