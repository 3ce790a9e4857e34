"""Reasons to reject a challenger before it is compared; each function returns "" for no reason."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.similar_names import find_similar_names
from lradapt.data.slice_columns import Slices
from lradapt.evaluation.intervals import share_interval
from lradapt.gate.explanation import OVERRIDE, shortened
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Candidate, Costs

_Pair = tuple[str, str]  # label and prediction of an image


def unfit(costs: Costs, rules: Rules, *, parity_passed: bool) -> str:
    """Return why the model is invalid whatever its accuracy: parity, latency, size."""
    if not parity_passed:
        return (
            "the exported model and the trained one give different answers (parity in metrics.json)"
        )
    reasons = []
    if rules.max_image_seconds is not None and costs.image_seconds > rules.max_image_seconds:
        reasons.append(
            f"it takes {1000 * costs.image_seconds:.1f} ms per image, at most "
            f"{1000 * rules.max_image_seconds:g} allowed (gate.max_image_seconds)"
        )
    if rules.max_megabytes is not None and costs.megabytes > rules.max_megabytes:
        reasons.append(
            f"it has {costs.megabytes:.1f} MB, at most {rules.max_megabytes:g} allowed "
            "(gate.max_megabytes)"
        )
    return "; ".join(reasons)


def below_min_recall(
    images: Sequence[LabelledImage], challenger: Candidate, rules: Rules, slices: Slices
) -> str:
    """Return the classes whose recall on the test images is below its floor.

    A class without a test image is below any floor: in all images (`gate.min_recall`), or in those
    of a slice (`gate.min_recall_in`).
    """
    pairs = [
        (image.label, predicted)
        for image, predicted in zip(images, challenger.predictions, strict=True)
    ]
    low = _below(rules.min_recall, pairs, "")
    low_in = [
        words
        for column, values in rules.min_recall_in.items()
        for value, floors in values.items()
        for words in _below(floors, _only(pairs, slices[column], value), f" in {column} {value}")
    ]
    reasons = [
        f"recall too low: {shortened(words)} ({key})"
        for words, key in ((low, "gate.min_recall"), (low_in, "gate.min_recall_in"))
        if words
    ]
    return "; ".join(reasons)


def short_of_coverage(images: Sequence[LabelledImage], challenger: Candidate, rules: Rules) -> str:
    """Return the classes whose sets `unsure` have the class too rarely, beyond chance.

    Beyond chance: the 95 % interval of the share, by groups, is below the share that was asked for
    minus `max_coverage_shortfall`.
    """
    if rules.max_coverage_shortfall is None:
        return ""
    if challenger.sets is None:
        return (
            "its answers have no set `unsure`, because it had no validation image "
            "(gate.max_coverage_shortfall)"
        )
    least = challenger.sets.asked - rules.max_coverage_shortfall
    covered = [image.label in s for image, s in zip(images, challenger.sets.of_image, strict=True)]
    short = _short(images, covered, least)
    return (
        f"the sets `unsure` have the class too rarely: {shortened(short)}, at least "
        f"{100 * least:g}% required (gate.max_coverage_shortfall)"
        if short
        else ""
    )


def _short(images: Sequence[LabelledImage], covered: Sequence[bool], least: float) -> list[str]:
    labels, groups = np.array([each.label for each in images]), np.array(group_numbers(images))
    found = []
    for name in sorted(set(labels.tolist())):
        own = labels == name
        hits = np.array(covered)[own]
        if share_interval(hits, groups[own])[1] < least:
            found.append(f"{name} ({hits.sum()} of {len(hits)})")
    return found


def _only(pairs: Sequence[_Pair], values: Sequence[str], value: str) -> list[_Pair]:
    return [pair for pair, own in zip(pairs, values, strict=True) if own == value]


def _below(floors: Mapping[str, float], pairs: Sequence[_Pair], where: str) -> list[str]:
    sizes = Counter(label for label, _ in pairs)
    hits = Counter(label for label, predicted in pairs if predicted == label)
    return [
        f"{name}{where} ({hits[name]} of {sizes[name]}, at least {100 * floor:g}% required)"
        for name, floor in floors.items()
        if hits[name] < Fraction(str(floor)) * sizes[name] or not sizes[name]
    ]


def missing_classes(names: Mapping[str, str | None], challenger: Candidate) -> str:
    """Return the classes that the champion knows and the challenger does not.

    Args:
        names: the champion's class -> today's name; None where it is retired.
        challenger: the new model.
    """
    missing = sorted({name for name in names.values() if name} - set(challenger.class_names))
    if not missing:
        return ""
    return (
        f"the model in production knows {shortened(missing)}, and this one does not; if that is "
        f"intended, set the new name in gate.renamed (null: retired), {OVERRIDE}"
    )


def too_few_images(images: Sequence[LabelledImage], challenger: Candidate, rules: Rules) -> str:
    """Return the classes with too few images that neither model was trained on."""
    sizes = Counter(image.label for image in images)
    least = rules.min_class_images
    few = [f"{name} {sizes[name]}" for name in challenger.class_names if sizes[name] < least]
    if images and not few:
        return ""
    names = {name: sizes[name] for name in challenger.class_names}
    similar = [found.words for found in find_similar_names(names) if found.images < least]
    spelling = (
        f"{shortened(similar)}: if they are one class, correct labels.csv; " if similar else ""
    )
    return (
        f"{spelling}too few test images that neither model was trained on: "
        f"{shortened(few) or 'none'}, at least {least} per class required (gate.min_class_images); "
        "compare it with the recipe in production, trained on today's images (docs/method.md), "
        f"{OVERRIDE}"
    )


def no_measure(images: Sequence[LabelledImage]) -> str:
    """Return why the images cannot tell a model from guessing: there are none, or of one class."""
    labels = {image.label for image in images}
    if len(labels) > 1:
        return ""
    found = f"all {len(images)} test images are of class {labels.pop()}" if labels else ""
    return (
        f"{found or 'there is no test image that the model was not trained on'}, so nothing shows "
        "that this first model is better than guessing; add images of other patients to classes "
        f"without test images, {OVERRIDE}"
    )
