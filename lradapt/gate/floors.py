"""Floors of each class's recall: no gain elsewhere makes up for a class that is lost."""

from collections.abc import Iterable

from lradapt.gate.comparison import ClassResult
from lradapt.gate.rules import Rules


def lost(classes: Iterable[ClassResult], rules: Rules) -> list[ClassResult]:
    """The classes whose recall drops by more than `max_recall_drop`.

    A class with `min_floor_images` is judged by its drop as measured. In a smaller one a few images
    are a large drop, so there it must be beyond chance: past the limit even at its upper bound.
    """
    return [
        each
        for each in classes
        if (-each.upper if is_small(each, rules) else each.drop) > rules.max_recall_drop
    ]


def is_small(each: ClassResult, rules: Rules) -> bool:
    """Whether the class has too few images for a floor of what is measured."""
    return each.images < rules.min_floor_images
