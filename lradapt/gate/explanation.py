"""The sentences that explain a comparison, with a champion or with guessing."""

from collections import Counter
from collections.abc import Iterable, Sequence

from lradapt.data.labelled_image import LabelledImage
from lradapt.gate.comparison import ClassResult, Comparison
from lradapt.gate.criteria import PolicyResult, is_small
from lradapt.gate.guessing import AgainstGuessing
from lradapt.gate.rules import Rules
from lradapt.gate.verdict import Part

OVERRIDE = "or promote it anyway, with a reason: python -m flows.retrain --override REASON"


def explain(
    found: Comparison,
    parts: Iterable[Part],
    added: Sequence[str],
    policy: PolicyResult,
    dropped: Sequence[ClassResult],
    rules: Rules,
) -> str:
    """Return why the challenger is promoted or not.

    Args:
        found: the comparison of both models.
        parts: old, new and relabelled images.
        added: classes that only the challenger knows.
        policy: the result of the policy.
        dropped: classes below their floor.
        rules: of promotion.
    """
    small = [f"{each.name} {each.images}" for each in found.classes if is_small(each, rules)]
    notes = [
        f"recall drops too much (gate.max_recall_drop): {_drops(dropped)}" if dropped else "",
        f"{policy.words} (gate.policy {rules.policy}): {_figures(found)}",
        f"new classes: {shortened(added)}" if added else "",
        *(
            f"{part.images} relabelled since"
            for part in parts
            if part.name == "relabelled" and part.images
        ),
        f"few images, so only a significant drop counts: {shortened(small)}" if small else "",
    ]
    return "; ".join(note for note in notes if note)


def explain_first(images: Iterable[LabelledImage], found: AgainstGuessing) -> str:
    """Return why the first model is promoted or not.

    Args:
        images: the held-out images.
        found: the comparison of the model with guessing.
    """
    ((most, _),) = Counter(image.label for image in images).most_common(1)
    figures = (
        f"balanced accuracy {found.accuracy:.2%}, at least {found.lower:.2%} with "
        f"{100 * found.confidence:g}% confidence, on {found.images:,} test images that it was not "
        f"trained on, against {found.chance:.2%} of guessing"
    )
    if found.shown_better:
        return f"it is the first model: nothing was in production; better than guessing: {figures}"
    return (
        f"it is the first model, and not shown to be better than guessing: {figures} (or of the "
        f"answer {most} for every image); add images, correct labels, or change the training, "
        f"{OVERRIDE}"
    )


def shortened(words: Iterable[str], *, limit: int = 6) -> str:
    """Join the first words, and add how many more there are."""
    words = list(words)
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def _figures(found: Comparison) -> str:
    return (
        f"balanced accuracy {found.challenger:.2%} against {found.champion:.2%} in production, "
        f"{100 * found.difference:+.2f} points, at least {100 * found.lower:+.2f} with "
        f"{100 * found.confidence:g}% confidence, on {found.images:,} images that neither was "
        f"trained on (McNemar p {found.mcnemar.p:.2g})"
    )


def _drops(dropped: Iterable[ClassResult]) -> str:
    return shortened(
        f"{each.name} {each.champion:.1%} to {each.challenger:.1%} of {each.images}"
        for each in dropped
    )
