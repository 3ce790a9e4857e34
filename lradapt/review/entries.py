"""A decision of a person, its entry in the journal, and what the entry changes in `labels.csv`."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lradapt.data.labelled_image import TRAIN
from lradapt.review.journal import Action, Entry
from lradapt.review.label_lines import (
    QUEUE,
    LabelLines,
    RemovedLine,
    with_image,
    with_label,
    with_lines,
    without_image,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person has decided on one image.

    Attributes:
        image: path below the images folder.
        action: keep, change, label, exclude or skip.
        label: of the image, as the person has seen it; empty for a recorded one.
        new: the label after a change, or the first one; else empty.
        who: the person.
        reason: in words; may be empty.
        seen: the id of the latest decision that the person knew of, "" for none; None where that
            does not count.
        queue: "chosen" or "random" for a recorded image, which has no label yet; else empty.
        group: of a recorded image, where its record has one; else empty.
    """

    image: str
    action: Action
    label: str
    new: str = ""
    who: str
    reason: str = ""
    seen: str | None = None
    queue: str = ""
    group: str = ""


def entries_of(decisions: Sequence[Decision], lines: LabelLines) -> list[Entry]:
    """Return the entries of a batch: each has the numbers of lines after those before it."""
    entries = []
    for decision in decisions:
        entry = entry_of(decision, lines)
        entries.append(entry)
        if entry.lines:  # others move no line
            lines = applied(lines, entry)
    return entries


def entry_of(decision: Decision, lines: LabelLines) -> Entry:
    """Return the entry of a decision on the labels of today."""
    chosen = {"change": decision.new, "label": decision.new, "exclude": ""}
    removed: tuple[RemovedLine, ...] = ()
    if decision.action == "exclude" and not decision.queue:
        _, removed = without_image(lines, decision.image)
    return _new_entry(
        image=decision.image,
        action=decision.action,
        who=decision.who,
        old=decision.label,
        new=chosen.get(decision.action, decision.label),
        reason=decision.reason,
        lines=removed,
        queue=decision.queue,
        group=decision.group,
    )


def undo_of(entry: Entry, *, reason: str = "") -> Entry:
    """Return the entry that takes another one back."""
    return _new_entry(
        image=entry.image,
        action="undo",
        who=entry.who,
        old=entry.new,
        new=entry.old,
        reason=reason,
        undoes=entry.id,
        lines=entry.lines,
        queue=entry.queue,
    )


def applied(lines: LabelLines, entry: Entry) -> LabelLines:
    """Return the lines of `labels.csv` with what an entry changes in them."""
    before, after = label_before(entry), label_after(entry)
    if before == after:
        return lines
    if after is None:
        return without_image(lines, entry.image)[0]
    if entry.action == "label":
        columns = ("group", QUEUE) if entry.group else (QUEUE,)
        return with_image(lines, _cells_of(entry), columns)
    if before is None:
        return with_lines(lines, entry.lines)
    return with_label(lines, entry.image, after)


def label_before(entry: Entry) -> str | None:
    """Return the label that `labels.csv` has before an entry; None if it has no line.

    A line can have an empty label, and votes that are a tie are one.
    """
    is_unlabelled = entry.queue and not entry.old
    is_restored = entry.lines and entry.action == "undo"
    return None if is_unlabelled or is_restored else entry.old


def label_after(entry: Entry) -> str | None:
    """Return the label that `labels.csv` has after an entry; None if it has no line."""
    is_unlabelled = entry.queue and not entry.new
    is_removed = entry.lines and entry.action == "exclude"
    return None if is_unlabelled or is_removed else entry.new


def in_words(entry: Entry) -> str:
    """Return what was decided, and by whom."""
    return f"{entry.action} {entry.old!r} -> {entry.new!r} by {entry.who}"


def _cells_of(entry: Entry) -> dict[str, str]:
    """Return the cells of a recorded image; without a group in the record it is one of its own.

    Where the splits are given, it is trained on: a given test split grows only by hand.
    """
    return {
        "image": entry.image,
        "label": entry.new,
        "group": entry.group or entry.image.partition(".")[0],
        "split": TRAIN,
        "annotator": entry.who,
        QUEUE: entry.queue,
    }


def _new_entry(
    *,
    image: str,
    action: Action,
    who: str,
    old: str,
    new: str,
    reason: str = "",
    undoes: str = "",
    lines: tuple[RemovedLine, ...] = (),
    queue: str = "",
    group: str = "",
) -> Entry:
    return Entry(
        id=secrets.token_hex(6),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        who=who,
        image=image,
        action=action,
        old=old,
        new=new,
        reason=reason,
        undoes=undoes,
        lines=lines,
        queue=queue,
        group=group,
    )
