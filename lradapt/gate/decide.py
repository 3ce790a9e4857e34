"""The verdict on a challenger, and the sentence that explains it.

In this order: what must never go into production (`invalid`), floors that hold for any model, the
first model, classes that are gone, too few clean images, the floors against the champion, and at
last the one deciding test. Models are compared by class names, so their classes may differ.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lradapt.gate.comparison import Comparison, Hits, compare
from lradapt.gate.exam import PARTS, ExamImage, group_numbers, part_of
from lradapt.gate.floors import lost
from lradapt.gate.policy import weigh
from lradapt.gate.refusals import OVERRIDE, below_floor, gone, too_few, unfit
from lradapt.gate.rules import Rules
from lradapt.gate.sentence import explain
from lradapt.gate.verdict import Contender, Part, Verdict

_SEED = 0  # the same answers get the same verdict

Names = Mapping[str, str | None]
"""The champion's class -> today's name; None where it is retired."""


def decide(
    exam: Sequence[ExamImage],
    champion: Contender | None,
    challenger: Contender,
    rules: Rules,
    *,
    parity_passed: bool,
    known: Mapping[str, str] | None = None,
) -> Verdict:
    """Judge a challenger.

    Args:
        exam: the images from which neither model, nor an ancestor, has learnt.
        champion: the model in production; None before the first.
        challenger: the new one.
        rules: of promotion.
        parity_passed: whether the exported challenger agrees with the model that was trained.
        known: pixel hash -> label, of the exam that the champion was published with; None where
            that is not known.
    """
    verdict = (
        _alone(exam, challenger, rules, parity_passed)
        or (champion and _beside(exam, champion, challenger, rules, known))
        or Verdict(decision="promote", why="it is the first model: nothing was in production")
    )
    costs = champion.costs if champion else None
    return replace(verdict, champion=costs, challenger=challenger.costs)


def _alone(
    exam: Sequence[ExamImage], challenger: Contender, rules: Rules, parity_passed: bool
) -> Verdict | None:
    """What is asked of any model."""
    bar = unfit(challenger.costs, rules, parity_passed=parity_passed)
    if bar:
        return Verdict(decision="invalid", why=bar)
    low = below_floor(exam, challenger, rules)
    return Verdict(decision="keep", why=low) if low else None


def _beside(
    exam: Sequence[ExamImage],
    champion: Contender,
    challenger: Contender,
    rules: Rules,
    known: Mapping[str, str] | None,
) -> Verdict:
    names = _todays_names(champion, challenger, rules)
    refusal = gone(names, challenger) or too_few(exam, challenger, rules)
    shared = set(names.values()) & set(challenger.class_names)
    rows = [row for row, image in enumerate(exam) if image.label in shared]
    if refusal or not rows:
        nothing = (
            f"no class is known to both models: say which is which in gate.renamed, {OVERRIDE}"
        )
        return Verdict(decision="keep", why=refusal or nothing)
    judged = [exam[row] for row in rows]
    old = np.array([names.get(champion.said[row]) == exam[row].label for row in rows])
    new = np.array([challenger.said[row] == exam[row].label for row in rows])
    found = _compare(judged, old, new, rules)
    added = sorted(set(challenger.class_names) - set(names.values()))
    parts = () if known is None else _parts(judged, old, new, known, names)
    return _weighed(found, parts, added, rules)


def _todays_names(champion: Contender, challenger: Contender, rules: Rules) -> Names:
    """A name that both know has not changed, whatever `renamed` says of former times."""
    return {
        name: name if name in challenger.class_names else rules.renamed.get(name, name)
        for name in champion.class_names
    }


def _compare(judged: Sequence[ExamImage], old: Hits, new: Hits, rules: Rules) -> Comparison:
    class_names, labels = np.unique([image.label for image in judged], return_inverse=True)
    return compare(
        labels,
        np.array(group_numbers(judged)),
        old,
        new,
        class_names.tolist(),
        confidence=rules.confidence,
        num_resamples=rules.num_resamples,
        seed=_SEED,
    )


def _parts(
    judged: Sequence[ExamImage], old: Hits, new: Hits, known: Mapping[str, str], names: Names
) -> tuple[Part, ...]:
    renamed = {pixels: names.get(label) or label for pixels, label in known.items()}
    kinds = np.array([part_of(image, renamed) for image in judged])
    return tuple(
        Part(
            kind,
            int((kinds == kind).sum()),
            int(old[kinds == kind].sum()),
            int(new[kinds == kind].sum()),
        )
        for kind in PARTS
    )


def _weighed(
    found: Comparison, parts: tuple[Part, ...], added: Sequence[str], rules: Rules
) -> Verdict:
    finding = weigh(found.difference, found.lower, rules, class_added=bool(added))
    dropped = lost(found.classes, rules)
    return Verdict(
        decision="promote" if finding.suffices and not dropped else "keep",
        why=explain(found, parts, added, finding, dropped, rules),
        comparison=found,
        parts=parts,
    )
