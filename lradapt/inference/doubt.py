"""How doubtful an answer is: unlike the training images, or unsure between classes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from lradapt.inference.answers import Answers
from lradapt.networks.answer_limits import AnswerLimits


@dataclass(frozen=True, slots=True)
class Doubt:
    """The doubt in one answer; None where the model does not measure it.

    Attributes:
        unlike: distance to the training images, in [0, 2].
        unlike_training: whether it is beyond the limit of the model.
        unsure: the classes that the image may be of, the most probable first; one class: the answer
            is sure; none: no class fits.
    """

    unlike: float | None
    unlike_training: bool | None
    unsure: tuple[str, ...] | None

    def as_dict(self) -> dict[str, Any]:
        """Return the same for an answer in JSON."""
        return asdict(self)


NOT_MEASURED = Doubt(None, None, None)
"""Of a model before format 4."""


def doubts(answers: Answers, class_names: Sequence[str], limits: AnswerLimits) -> list[Doubt]:
    """Return the doubt in each answer.

    Args:
        answers: of the model.
        class_names: in the order of its probabilities.
        limits: of the model.
    """
    count = len(answers.probabilities)
    distances = [None] * count if answers.unlike is None else answers.unlike.tolist()
    sets = _sets(answers, class_names, limits)
    return [
        Doubt(distance, _is_beyond(distance, limits), classes)
        for distance, classes in zip(distances, sets, strict=True)
    ]


def doubt_in_words(label: str, doubt: Doubt, limits: AnswerLimits) -> str:
    """Return why an answer is doubtful; "" where it is not, or where this is not measured.

    Classes that are in every set say nothing about the image, so they are left out.

    Args:
        label: the most probable class.
        doubt: in this answer.
        limits: of the model.
    """
    reasons = ["unlike the training images"] if doubt.unlike_training else []
    if doubt.unsure is not None and limits.sets:
        always = limits.sets.always
        others = [name for name in doubt.unsure if name != label and name not in always]
        if others:
            reasons.append(f"{'or' if label in doubt.unsure else 'rather'} {', '.join(others)}")
        elif not doubt.unsure:
            reasons.append("no class fits")
    return "; ".join(reasons)


def _is_beyond(distance: float | None, limits: AnswerLimits) -> bool | None:
    if distance is None or limits.unlike is None:
        return None
    return distance > limits.unlike.limit


def _sets(
    answers: Answers, class_names: Sequence[str], limits: AnswerLimits
) -> list[tuple[str, ...] | None]:
    rows_NK = answers.probabilities
    if limits.sets is None:
        return [None] * len(rows_NK)
    inside_NK = limits.sets.contain(rows_NK, class_names)
    order_NK = np.argsort(-rows_NK, axis=1, kind="stable")
    return [
        tuple(class_names[k] for k in order_K if inside_K[k])
        for order_K, inside_K in zip(order_NK, inside_NK, strict=True)
    ]
