"""The gate: whether a challenger takes the champion's place. A pure function of what both said.

The simplest honest rule: better balanced accuracy on the same validation images, from which neither
has learnt. A tie keeps. Models are compared by class names, so their classes may differ.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Decision = Literal["promote", "keep", "invalid"]


@dataclass(frozen=True, slots=True)
class ExamImage:
    """A validation image as the gate sees it; `group` may be empty."""

    image: str
    label: str
    pixel_sha256: str
    group: str


@dataclass(frozen=True, slots=True)
class Learnt:
    """What a model has learnt from, its tune side included: pixel hashes and groups."""

    pixel_sha256s: frozenset[str]
    groups: frozenset[str]

    def __contains__(self, image: ExamImage) -> bool:
        same_group = image.group != "" and image.group in self.groups
        return same_group or image.pixel_sha256 in self.pixel_sha256s


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate decided, and the figures it decided by.

    Attributes:
        decision: "promote", "keep", or "invalid" where the challenger must not even be compared.
        why: one sentence.
        images: on how many both were compared; 0 where they were not.
        champion, challenger: balanced accuracies in [0, 1] on those; None where not compared.
    """

    decision: Decision
    why: str
    images: int = 0
    champion: float | None = None
    challenger: float | None = None


def unseen(exam: Sequence[ExamImage], learnt: Collection[Learnt]) -> list[ExamImage]:
    """The images from which none of the models has learnt."""
    return [image for image in exam if not any(image in seen for seen in learnt)]


def decide_first(*, parity_passed: bool) -> Verdict:
    """The verdict where nothing is in production yet."""
    if not parity_passed:
        return _broken_export()
    return Verdict(decision="promote", why="it is the first model: nothing was in production")


def decide(
    labels: Mapping[str, str],
    champion: Mapping[str, str],
    challenger: Mapping[str, str],
    *,
    parity_passed: bool,
) -> Verdict:
    """Compare two models on the same images.

    Args:
        labels: image -> true class; the images from which neither has learnt.
        champion: image -> class that the model in production says; "" where it cannot decode it.
        challenger: the same of the new model.
        parity_passed: whether the exported challenger agrees with the model that was trained.
    """
    if not parity_passed:
        return _broken_export()
    if not labels:
        return Verdict(
            decision="keep",
            why="there is no validation image from which neither model has learnt: nothing to "
            "judge by",
        )
    old, new = balanced_accuracy(labels, champion), balanced_accuracy(labels, challenger)
    better = new > old
    relation = "better than" if better else "no better than"
    return Verdict(
        decision="promote" if better else "keep",
        why=f"balanced accuracy {new:.2%} is {relation} the {old:.2%} of the model in production, "
        f"on {len(labels):,} images that neither has learnt from",
        images=len(labels),
        champion=old,
        challenger=new,
    )


def balanced_accuracy(labels: Mapping[str, str], said: Mapping[str, str]) -> float:
    """Mean over the classes in `labels` of the share of their images that are named rightly.

    A class that a model does not know counts against it: it names none of its images.
    """
    hits: defaultdict[str, list[bool]] = defaultdict(list)
    for image, label in labels.items():
        hits[label].append(said[image] == label)
    # Exact until the last step: rounded sums of the same recalls in another order make no tie.
    recalls = [Fraction(sum(hit), len(hit)) for hit in hits.values()]
    return float(sum(recalls) / len(recalls))


def _broken_export() -> Verdict:
    return Verdict(
        decision="invalid",
        why="the exported model does not answer as the trained one does (parity in metrics.json)",
    )
