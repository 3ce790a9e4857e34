"""Why a decision does not fit the labels and the journal of today."""

from collections.abc import Sequence

from lradapt.errors import LradaptError, listed
from lradapt.review.entries import Decision
from lradapt.review.journal import Entry
from lradapt.review.label_lines import LabelLines


class ConflictError(LradaptError):
    """A decision that does not fit the labels of today; nothing was written."""


def fault_of(
    decision: Decision, lines: LabelLines, latest: Entry | None, *, may_exclude: bool
) -> str:
    """Return why a decision does not fit; "" if it does.

    Args:
        decision: to be carried out.
        lines: the labels of today.
        latest: the last entry about the image that is no skip.
        may_exclude: whether a training accepts an image without a label.
    """
    if decision.queue:
        return _fault_of_recorded(decision, lines.labels.get(decision.image), latest)
    return _fault_of_labelled(decision, lines, latest, may_exclude=may_exclude)


def refusal(faults: Sequence[str]) -> str:
    """Return the message of decisions that do not fit; each fault names its image."""
    if len(faults) == 1:
        return faults[0]
    return f"{len(faults)} decisions do not fit; nothing was written:\n{listed(faults)}"


def _fault_of_labelled(
    decision: Decision, lines: LabelLines, latest: Entry | None, *, may_exclude: bool
) -> str:
    image = decision.image
    current = lines.labels.get(image)
    if current is None:
        return f"{image}: labels.csv has no line for it"
    if image in lines.disagreeing:
        found = ", ".join(map(repr, lines.disagreeing[image]))
        return f"{image}: labels.csv has several lines for it, with {found}; correct them there"
    if lines.has_votes(image) and (fault := _fault_of_votes(decision, current)):
        return fault
    if current != decision.label:
        return (
            f"{image}: the label was {decision.label!r}, and is {current!r} now; look at it again"
        )
    if decision.action == "exclude" and not may_exclude:
        return (
            f"{image}: an image without a label stops a training; set "
            "check.policies.image_without_label to set_aside to exclude images"
        )
    if fault := _fault_of_seen(decision, latest):
        return fault
    if decision.action == "change" and decision.new in ("", current):
        return f"{image}: a change to {decision.new!r}; expected another label than {current!r}"
    return ""


def _fault_of_recorded(decision: Decision, current: str | None, latest: Entry | None) -> str:
    image = decision.image
    if current is not None:
        return f"{image}: it was labelled {current!r} meanwhile"
    if decision.action in ("keep", "change"):
        return f"{image}: it has no label to {decision.action}; choose its class"
    if decision.action == "label" and not decision.new:
        return f"{image}: no class was chosen"
    return _fault_of_seen(decision, latest)


def _fault_of_seen(decision: Decision, latest: Entry | None) -> str:
    if decision.seen is None or latest is None or latest.id == decision.seen:
        return ""
    return (
        f"{decision.image}: {latest.who} has decided meanwhile ({latest.action}); look at it again"
    )


def _fault_of_votes(decision: Decision, current: str) -> str:
    """Return why a decision does not fit the votes of several annotators; "" if it does."""
    if decision.action == "keep" and not current:
        return (
            f"{decision.image}: as many annotators give one label as another, so there is none to "
            "keep; add a line to labels.csv: the majority decides"
        )
    if decision.action == "change":
        return (
            f"{decision.image}: labels.csv has the votes of several annotators for it, which a "
            "change would overwrite; add a line of your own there: the majority decides"
        )
    return ""
