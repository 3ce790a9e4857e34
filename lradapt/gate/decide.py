"""The decision about a challenger, and the sentence that explains it.

The order: what must never go into production (`invalid`), and the floors for any model. The first
model is then compared with guessing. Any other model is checked for missing classes, too few
held-out images, and the floors against the champion, and finally by the policy. The policy uses a
paired bootstrap by group of the difference in balanced accuracy: both models predict the same
images, and each resample draws whole groups, not single images
(`lradapt.evaluation.paired_bootstrap`). Models are compared by class names, so their classes may
differ.

`lradapt.production.challenger` asks for the decision, unless the version was withdrawn or is in
production already; `lradapt.production.release` carries it out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.slice_columns import Slices
from lradapt.gate.comparison import Comparison, Hits, compare
from lradapt.gate.criteria import apply_policy, below_recall_floor
from lradapt.gate.explanation import OVERRIDE, explain, explain_first
from lradapt.gate.guessing import compare_with_guessing
from lradapt.gate.held_out import PARTS, part_of
from lradapt.gate.rejections import (
    below_min_recall,
    missing_classes,
    no_measure,
    short_of_coverage,
    too_few_images,
    unfit,
)
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Candidate, Decision, Part, Verdict

_SEED = 0  # so that the same predictions get the same verdict

Names = Mapping[str, str | None]
"""The champion's class -> today's name; None where it is retired."""


def decide(
    images: Sequence[LabelledImage],
    champion: Candidate | None,
    challenger: Candidate,
    rules: Rules,
    *,
    parity_passed: bool,
    known: Mapping[str, str] | None = None,
    slices: Slices = MappingProxyType({}),
) -> Verdict:
    """Decide whether the challenger replaces the champion.

    Args:
        images: the held-out images, which neither model nor an ancestor was trained on.
        champion: the model in production; None before the first.
        challenger: the new one.
        rules: the rules of promotion.
        parity_passed: whether the exported challenger agrees with the trained one.
        known: pixel hash -> label, of the test images that the champion was published with; None
            where they are not known.
        slices: the columns of `rules.min_recall_in`, with the value of each image.
    """
    verdict = (
        _check_alone(images, challenger, rules, parity_passed, slices)
        or (champion and _compare_with(images, champion, challenger, rules, known))
        or _check_first(images, challenger, rules)
    )
    costs = champion.costs if champion else None
    return replace(verdict, champion=costs, challenger=challenger.costs)


def _check_alone(
    images: Sequence[LabelledImage],
    challenger: Candidate,
    rules: Rules,
    parity_passed: bool,
    slices: Slices,
) -> Verdict | None:
    """Check what is required of any model."""
    if reason := unfit(challenger.costs, rules, parity_passed=parity_passed):
        return Verdict(decision="invalid", reason=reason)
    reasons = (
        below_min_recall(images, challenger, rules, slices),
        short_of_coverage(images, challenger, rules),
    )
    reason = "; ".join(filter(None, reasons))
    return Verdict(decision="keep", reason=reason) if reason else None


def _check_first(images: Sequence[LabelledImage], challenger: Candidate, rules: Rules) -> Verdict:
    """Check that the first model, which has no champion to be compared with, beats guessing."""
    if reason := no_measure(images):
        return Verdict(decision="keep", reason=reason)
    found = compare_with_guessing(images, challenger.predictions, rules, seed=_SEED)
    decision: Decision = "promote" if found.shown_better else "keep"
    return Verdict(decision=decision, reason=explain_first(images, found))


def _compare_with(
    images: Sequence[LabelledImage],
    champion: Candidate,
    challenger: Candidate,
    rules: Rules,
    known: Mapping[str, str] | None,
) -> Verdict:
    names = _todays_names(champion, challenger, rules)
    reason = missing_classes(names, challenger) or too_few_images(images, challenger, rules)
    shared = set(names.values()) & set(challenger.class_names)
    rows = [row for row, image in enumerate(images) if image.label in shared]
    if reason or not rows:
        return Verdict(decision="keep", reason=reason or _nothing_to_compare(shared))
    compared = [images[row] for row in rows]
    old = np.array([names.get(champion.predictions[row]) == images[row].label for row in rows])
    new = np.array([challenger.predictions[row] == images[row].label for row in rows])
    found = _compare(compared, old, new, rules)
    added = sorted(set(challenger.class_names) - set(names.values()))
    parts = () if known is None else _parts(compared, old, new, known, names)
    policy = apply_policy(found.difference, found.lower, rules, class_added=bool(added))
    dropped = below_recall_floor(found.classes, rules)
    return Verdict(
        decision="promote" if policy.passed and not dropped else "keep",
        reason=explain(found, parts, added, policy, dropped, rules),
        comparison=found,
        parts=parts,
    )


def _todays_names(champion: Candidate, challenger: Candidate, rules: Rules) -> Names:
    """Return the champion's names today; `renamed` is for those that the challenger has not."""
    return {name: _todays_name(name, challenger, rules) for name in champion.class_names}


def _todays_name(name: str, challenger: Candidate, rules: Rules) -> str | None:
    """Follow `renamed` to a class of the challenger; a retired class has None."""
    seen: set[str] = set()
    today: str | None = name
    while today and today not in challenger.class_names and today not in seen:
        seen.add(today)
        today = rules.renamed.get(today, today)
    return today


def _nothing_to_compare(shared: Collection[str | None]) -> str:
    if shared:
        return f"no held-out image is of a class that both models know: add some, {OVERRIDE}"
    return f"the models have no class in common: set the new names in gate.renamed, {OVERRIDE}"


def _compare(images: Sequence[LabelledImage], old: Hits, new: Hits, rules: Rules) -> Comparison:
    class_names, labels = np.unique([image.label for image in images], return_inverse=True)
    return compare(
        labels,
        np.array(group_numbers(images)),
        old,
        new,
        class_names.tolist(),
        confidence=rules.confidence,
        num_resamples=rules.num_resamples,
        seed=_SEED,
    )


def _parts(
    images: Sequence[LabelledImage], old: Hits, new: Hits, known: Mapping[str, str], names: Names
) -> tuple[Part, ...]:
    renamed = {pixels: names.get(label) or label for pixels, label in known.items()}
    part_N = np.array([part_of(image, renamed) for image in images])
    return tuple(
        Part(name, int(own_N.sum()), int(old[own_N].sum()), int(new[own_N].sum()))
        for name in PARTS
        for own_N in [part_N == name]
    )
