"""Decisions on labels: each is in the journal and in `labels.csv`, or refused and in neither.

The order of the writes is: the intent (`.lradapt/review.json`), the journal, `labels.csv`; then the
intent is removed. Each file is written whole. So a process that finds an intent knows what a killed
one had begun, and `recover` completes it.
"""

import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lradapt.data.labelled_image import TRAIN
from lradapt.errors import BusyError, DataError, LradaptError, listed
from lradapt.review.added_images import AddedImages
from lradapt.review.journal import JOURNAL, Action, Entry, Journal, as_json, from_json
from lradapt.review.label_lines import (
    QUEUE,
    LabelLines,
    RemovedLine,
    parse_lines,
    with_image,
    with_label,
    with_lines,
    without_image,
)
from lradapt.review.recorded_queue import FOLDER
from lradapt.runtime import lock
from lradapt.runtime.files import read_json, whole_file, write_json
from lradapt.runtime.system.disk import flush

INTENT = Path(".lradapt/review.json")
_WAIT_SECONDS = 2.0  # for a decision of another process; a run takes longer
_LOOK_SECONDS = 0.02
_CHANGES_FILE = ("change", "label", "exclude")


class ConflictError(LradaptError):
    """A decision that does not fit the labels of today; nothing was written."""


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
    """

    image: str
    action: Action
    label: str
    new: str = ""
    who: str
    reason: str = ""
    seen: str | None = None
    queue: str = ""


class Decisions:
    """The labels of a project with their journal; for several threads, and several processes.

    Args:
        labels: path of `labels.csv`; the journal is beside it.
        may_exclude: whether a training accepts an image without a label.
        images: the images folder, to which recorded images are added; None: none can be labelled.

    Attributes:
        generation: grows with each change that others have made to the labels or the journal.
    """

    def __init__(
        self, labels: Path, *, may_exclude: bool = True, images: Path | None = None
    ) -> None:
        self.path = labels
        self._added = AddedImages(images, labels.with_name(FOLDER)) if images else None
        self.may_exclude = may_exclude
        self.journal = Journal(labels.with_name(JOURNAL))
        self._mutex = threading.RLock()
        self.generation = 0
        self._content = b""
        self._state: tuple[int, ...] = ()
        self._read_again()

    @property
    def lines(self) -> LabelLines:
        """The labels, as they were read or written last."""
        return self._lines

    def refresh(self) -> None:
        """Read what others have written since.

        Raises:
            DataError, OSError: `labels.csv` cannot be read.
        """
        with self._mutex:
            self._read_journal()
            if _state_of(self.path) != self._state:
                self._read_again()

    def decide(self, decisions: Sequence[Decision]) -> list[Entry]:
        """Carry out decisions: all of them, or none.

        Returns:
            Their entries in the journal.

        Raises:
            ConflictError: at least one does not fit the labels or the journal; it has all reasons.
            BusyError: a run is active in the project, and a label would change.
        """
        changes_file = any(decision.action in _CHANGES_FILE for decision in decisions)
        with self._writing(changes_file):
            faults = [fault for each in decisions if (fault := self.fault_of(each))]
            twice = Counter(decision.image for decision in decisions)
            faults += [f"{image}: {n} decisions" for image, n in twice.items() if n > 1]
            if faults:
                raise ConflictError(_refusal(faults))
            entries = [self._entry_of(decision) for decision in decisions]
            self._carry_out(entries, changes_file=changes_file)
            return entries

    def undo(self, who: str) -> Entry:
        """Take back the last decision of a person that is in force.

        Raises:
            ConflictError: there is none, or the label has changed since, by whomever.
            BusyError: a run is active in the project, and a label would change.
        """
        with self._mutex:
            last = self._undoable(who)
        with self._writing(last.action in _CHANGES_FILE):
            if self._undoable(who).id != last.id:
                raise ConflictError(f"{who} has decided again meanwhile; look at it, and undo that")
            entry = _new_entry(
                image=last.image,
                action="undo",
                who=who,
                old=last.new,
                new=last.old,
                undoes=last.id,
                lines=last.lines,
                queue=last.queue,
            )
            self._carry_out([entry], changes_file=last.action in _CHANGES_FILE)
            return entry

    def recover(self) -> list[str]:
        """Complete what a killed process has begun; return what was found, in words.

        Raises:
            BusyError: a run is active in the project.
        """
        with self._writing(INTENT.exists()):
            self.journal.mend()
            return self.reports()

    def reports(self) -> list[str]:
        """Return what was found about killed processes since the last call, in words."""
        with self._mutex:
            found, self.journal.faults = self.journal.faults, []
            return found

    def fault_of(self, decision: Decision) -> str:
        """Return why a decision does not fit the labels and the journal; "" if it does."""
        if decision.queue:
            return self._fault_of_recorded(decision)
        return self._fault_of_labelled(decision)

    def _fault_of_labelled(self, decision: Decision) -> str:
        image, lines = decision.image, self._lines
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
                f"{image}: the label was {decision.label!r}, and is {current!r} now; look at it "
                "again"
            )
        if decision.action == "exclude" and not self.may_exclude:
            return (
                f"{image}: an image without a label stops a training; set "
                "check.policies.image_without_label to set_aside to exclude images"
            )
        if fault := self._fault_of_seen(decision):
            return fault
        if decision.action == "change" and decision.new in ("", current):
            return f"{image}: a change to {decision.new!r}; expected another label than {current!r}"
        return ""

    def _fault_of_recorded(self, decision: Decision) -> str:
        image, current = decision.image, self._lines.labels.get(decision.image)
        if current is not None:
            return f"{image}: it was labelled {current!r} meanwhile"
        if decision.action in ("keep", "change"):
            return f"{image}: it has no label to {decision.action}; choose its class"
        if decision.action == "label" and not decision.new:
            return f"{image}: no class was chosen"
        return self._fault_of_seen(decision)

    def _fault_of_seen(self, decision: Decision) -> str:
        latest = self.journal.latest(decision.image)
        if decision.seen is None or latest is None or latest.id == decision.seen:
            return ""
        return (
            f"{decision.image}: {latest.who} has decided meanwhile ({latest.action}); look at it "
            "again"
        )

    @contextmanager
    def _writing(self, changes_file: bool) -> Iterator[None]:
        """Hold what a write needs, with the latest content read; the project's lock for labels."""
        with self._mutex, ExitStack() as held:
            if changes_file:
                _enter_lock(held)
                self._read_journal()
                self._read_again()
                if INTENT.exists():  # of a process that was killed while this one runs
                    self.journal.faults += self._complete()
            else:
                self.refresh()
            yield

    def _undoable(self, who: str) -> Entry:
        self._read_journal()
        last = self.journal.last_of(who)
        if last is None:
            raise ConflictError(f"{who} has no decision that could be undone")
        since = self.journal.settled(last.image)
        if last.action != "skip" and since is not None and since.id != last.id:
            raise ConflictError(
                f"{last.image}: {since.who} has decided since ({since.action}); nothing was undone"
            )
        current = self._lines.labels.get(last.image, "")
        if last.action in _CHANGES_FILE and current != last.new:
            raise ConflictError(
                f"{last.image}: the label is {current!r} now, not {last.new!r}: labels.csv was "
                "edited since; nothing was undone"
            )
        return last

    def _entry_of(self, decision: Decision) -> Entry:
        chosen = {"change": decision.new, "label": decision.new, "exclude": ""}
        new = chosen.get(decision.action, decision.label)
        removed: tuple[RemovedLine, ...] = ()
        if decision.action == "exclude" and not decision.queue:
            _, removed = without_image(self._lines, decision.image)
        return _new_entry(
            image=decision.image,
            action=decision.action,
            who=decision.who,
            old=decision.label,
            new=new,
            reason=decision.reason,
            lines=removed,
            queue=decision.queue,
        )

    def _carry_out(self, entries: Sequence[Entry], *, changes_file: bool) -> None:
        if not changes_file:
            self._append(entries)
            return
        self._bring_images(entries)
        write_json(INTENT, [as_json(entry) for entry in entries])
        self._append(entries)
        lines = self._lines
        for entry in entries:
            lines = _applied(lines, entry)
        self._write(lines)
        self._take_images_back(entries)
        INTENT.unlink()

    def _bring_images(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.action == "label":
                assert self._added is not None, "the images folder is not known"
                self._added.bring(entry.image)

    def _take_images_back(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.queue and entry.old and not entry.new:
                assert self._added is not None, "the images folder is not known"
                self._added.take_back(entry.image)

    def _complete(self) -> list[str]:
        """Carry out what an intent has left; a label that was edited by hand since stays."""
        self.journal.mend()
        entries = [from_json(value) for value in read_json(INTENT)]
        missing = [entry for entry in entries if entry not in self.journal]
        self._append(missing)
        lines, done, edited = self._lines, [], []
        for entry in entries:
            current = lines.labels.get(entry.image, "")
            if current != entry.new and current == entry.old:
                lines = _applied(lines, entry)
                done.append(entry)
            elif current != entry.new:
                edited.append(replace(_undo_of(entry), new=current))
        self._append(edited)
        if done:
            self._write(lines)
        self._take_images_back(done)
        INTENT.unlink()
        return [
            *(f"{e.image}: {_in_words(e)}, which a killed process had begun: done" for e in done),
            *(
                f"{e.image}: labels.csv was edited ({e.new!r}) before a decision of {e.who} was "
                "written into it; the edit stays, and the journal takes the decision back"
                for e in edited
            ),
        ]

    def _write(self, lines: LabelLines) -> None:
        content = lines.content
        with whole_file(self.path) as partial:
            partial.write_bytes(content)
            shutil.copymode(self.path, partial)
            flush(partial)
        flush(self.path.parent)
        self._lines, self._content, self._state = lines, content, _state_of(self.path)

    def _read_again(self) -> None:
        state = _state_of(self.path)
        content = self.path.read_bytes()
        if content != self._content:
            self._lines, self._content = parse_lines(content, self.path), content
            self.generation += 1
        self._state = state

    def _read_journal(self) -> None:
        self.generation += bool(self.journal.refresh())

    def _append(self, entries: Sequence[Entry]) -> None:
        own = {entry.id for entry in entries}
        self.generation += any(entry.id not in own for entry in self.journal.append(entries))


def _enter_lock(held: ExitStack) -> None:
    """Enter the project's lock; wait a little for another person's decision, not for a run.

    Raises:
        BusyError: a run or a stage is active.
    """
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            held.enter_context(lock.importing())
            return
        except BusyError:
            if time.monotonic() > end:
                raise
        time.sleep(_LOOK_SECONDS)


def _applied(lines: LabelLines, entry: Entry) -> LabelLines:
    if entry.old == entry.new:
        return lines
    if not entry.new:
        return without_image(lines, entry.image)[0]
    if entry.action == "label":
        return with_image(lines, _cells_of(entry))
    if not entry.old:
        return with_lines(lines, entry.lines)
    return with_label(lines, entry.image, entry.new)


def _cells_of(entry: Entry) -> dict[str, str]:
    """Return the cells of a recorded image, which is a group of its own.

    Where the splits are given, it is trained on: a given test split grows only by hand.
    """
    return {
        "image": entry.image,
        "label": entry.new,
        "group": entry.image.partition(".")[0],
        "split": TRAIN,
        "annotator": entry.who,
        QUEUE: entry.queue,
    }


def _undo_of(entry: Entry) -> Entry:
    return _new_entry(
        image=entry.image,
        action="undo",
        who=entry.who,
        old=entry.new,
        new=entry.old,
        reason="labels.csv was edited before the decision was written",
        undoes=entry.id,
        lines=entry.lines,
        queue=entry.queue,
    )


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
    )


def _in_words(entry: Entry) -> str:
    return f"{entry.action} {entry.old!r} -> {entry.new!r} by {entry.who}"


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


def _refusal(faults: Sequence[str]) -> str:
    if len(faults) == 1:
        return faults[0]
    return f"{len(faults)} decisions do not fit; nothing was written:\n{listed(faults)}"


def _state_of(path: Path) -> tuple[int, ...]:
    """Return what tells whether a file was replaced or edited."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise DataError(
            f"no {path}: import images and labels with `lradapt import` first"
        ) from error
    return (found.st_ino, found.st_size, found.st_mtime_ns)
