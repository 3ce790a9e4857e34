"""Decisions on labels: each is in the journal and in `labels.csv`, or refused and in neither.

The order of the writes is: the intent (`.lradapt/review.json`), the journal, `labels.csv`; then the
intent is removed. Each file is written whole. So a process that finds an intent knows what a killed
one had begun, and `recover` completes it. So does the next decision; a decision that failed behind
its intent raises `UnfinishedError`.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from lradapt.errors import BusyError, LradaptError
from lradapt.review.added_images import AddedImages
from lradapt.review.conflicts import ConflictError, fault_of, refusal
from lradapt.review.entries import (
    Decision,
    applied,
    entries_of,
    in_words,
    label_after,
    label_before,
    undo_of,
)
from lradapt.review.journal import JOURNAL, Entry, Journal, as_json, from_json
from lradapt.review.label_lines import LabelLines
from lradapt.review.labels_file import LabelsFile
from lradapt.review.recorded_queue import FOLDER
from lradapt.runtime import lock
from lradapt.runtime.files import read_json, write_json

INTENT = Path(".lradapt/review.json")
_WAIT_SECONDS = 2.0  # for a decision of another process; a run takes longer
_LOOK_SECONDS = 0.02
_EDITED = "labels.csv was edited before the decision was written"
_CHANGES_FILE = ("change", "label", "exclude")


class UnfinishedError(LradaptError):
    """A decision that failed, and that is in force all the same, or will be."""


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
        self._file = LabelsFile(labels)
        self._added = AddedImages(images, labels.with_name(FOLDER)) if images else None
        self._may_exclude = may_exclude
        self.journal = Journal(labels.with_name(JOURNAL))
        self._mutex = threading.RLock()
        self.generation = 0

    @property
    def lines(self) -> LabelLines:
        """The labels, as they were read or written last."""
        return self._file.lines

    def refresh(self) -> None:
        """Read what others have written since.

        Raises:
            DataError, OSError: `labels.csv` cannot be read.
        """
        with self._mutex:
            self._read_journal()
            self.generation += self._file.refresh()

    def decide(self, decisions: Sequence[Decision]) -> list[Entry]:
        """Carry out decisions: all of them, or none.

        Returns:
            Their entries in the journal.

        Raises:
            ConflictError: at least one does not fit the labels or the journal; it has all reasons.
            BusyError: a run is active in the project, and a label would change.
            UnfinishedError: not all of it is written; the next decision writes what is missing.
        """
        changes_file = any(decision.action in _CHANGES_FILE for decision in decisions)
        with self._writing(changes_file):
            faults = [fault for each in decisions if (fault := self.fault_of(each))]
            twice = Counter(decision.image for decision in decisions)
            faults += [f"{image}: {n} decisions" for image, n in twice.items() if n > 1]
            if faults:
                raise ConflictError(refusal(faults))
            entries = entries_of(decisions, self.lines)
            self._carry_out(entries, changes_file=changes_file)
            return entries

    def undo(self, who: str) -> Entry:
        """Take back the last decision of a person that is in force.

        Raises:
            ConflictError: there is none, or the label has changed since, by whomever.
            BusyError, UnfinishedError: see `decide`.
        """
        with self._mutex:
            self.refresh()
            last = self._undoable(who)
        with self._writing(last.action in _CHANGES_FILE):
            if self._undoable(who).id != last.id:
                raise ConflictError(f"{who} has decided again meanwhile; look at it, and undo that")
            entry = undo_of(last)
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
        latest = self.journal.latest(decision.image)
        return fault_of(decision, self.lines, latest, may_exclude=self._may_exclude)

    @contextmanager
    def _writing(self, changes_file: bool) -> Iterator[None]:
        """Hold what a write needs, with the latest content read; the project's lock for labels.

        What an intent has left comes first: a decision about the same image would be overwritten.
        """
        with self._mutex, ExitStack() as held:
            if changes_file or INTENT.exists():
                _enter_lock(held)
                self._read_journal()
                self.generation += self._file.read()
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
        current, wanted = self.lines.labels.get(last.image), label_after(last)
        if last.action in _CHANGES_FILE and current != wanted:
            raise ConflictError(
                f"{last.image}: the label is {_shown(current)} now, not {_shown(wanted)}: "
                "labels.csv was edited since; nothing was undone"
            )
        return last

    def _carry_out(self, entries: Sequence[Entry], *, changes_file: bool) -> None:
        if not changes_file:
            self._append_alone(entries)
            return
        self._bring_images(entries)
        write_json(INTENT, [as_json(entry) for entry in entries])
        try:
            self._finish(entries)
        except (OSError, LradaptError) as error:
            raise UnfinishedError(
                f"{in_a_sentence(error)}; the decision was begun, and {INTENT} has it: the next "
                "decision, or the next start of `lradapt review`, completes it"
            ) from error

    def _append_alone(self, entries: Sequence[Entry]) -> None:
        """Append decisions that change no label; where that fails, look at what was written."""
        try:
            self._append(entries)
        except OSError as error:
            with suppress(OSError):
                self.journal.mend()
            count = sum(entry in self.journal for entry in entries)
            if not count:
                raise
            self.generation += 1
            raise UnfinishedError(
                f"{in_a_sentence(error)}; all the same, {count} of {len(entries)} decision(s) are "
                f"in {self.journal.path}, and count"
            ) from error

    def _finish(self, entries: Sequence[Entry]) -> None:
        """Write what an intent has announced, and remove it."""
        self._append(entries)
        lines = self.lines
        for entry in entries:
            lines = applied(lines, entry)
        self._file.write(lines)
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
        lines, done, edited = self.lines, [], []
        for entry in entries:
            current, wanted = lines.labels.get(entry.image), label_after(entry)
            if current != wanted and current == label_before(entry):
                lines = applied(lines, entry)
                done.append(entry)
            elif current != wanted:
                edited.append(replace(undo_of(entry, reason=_EDITED), new=current or ""))
        self._append(edited)
        if done:
            self._file.write(lines)
        left = {entry.image for entry in edited}
        self._take_images_back([entry for entry in entries if entry.image not in left])
        INTENT.unlink()
        return [
            *(f"{e.image}: {in_words(e)}, which a killed process had begun: done" for e in done),
            *(
                f"{e.image}: labels.csv was edited ({e.new!r}) before a decision of {e.who} was "
                "written into it; the edit stays, and the journal takes the decision back"
                for e in edited
            ),
        ]

    def _read_journal(self) -> None:
        self.generation += bool(self.journal.refresh())

    def _append(self, entries: Sequence[Entry]) -> None:
        own = {entry.id for entry in entries}
        self.generation += any(entry.id not in own for entry in self.journal.append(entries))


def in_a_sentence(error: Exception) -> str:
    """Return what an error says, without the number that the system gives it."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


def _shown(label: str | None) -> str:
    return "missing" if label is None else repr(label)


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
