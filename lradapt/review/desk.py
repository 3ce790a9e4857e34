"""What the page asks for: queues with their progress, the next images, decisions, neighbours."""

import logging
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from lradapt.data.labelled_image import TEST
from lradapt.data.labels import as_read
from lradapt.errors import DataError
from lradapt.review.conflicts import ConflictError
from lradapt.review.decisions import Decisions
from lradapt.review.entries import Decision
from lradapt.review.journal import Action, Entry, as_json
from lradapt.review.project import Project
from lradapt.review.queues import QUEUES, TITLES, Item, Queue, QueueName, proposed_for
from lradapt.review.recorded_queue import BELOW_IMAGES

log = logging.getLogger(__name__)

NUM_NEIGHBOURS = 3
TEST_WARNING = (
    "A test image. To correct only the test labels that the model doubts makes its results look "
    "better than they are: correct it if it is wrong, and look at others of the test set too."
)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        who: the name of the person.
        window: of the browser; each has its own.
    """

    who: str
    window: str


class Desk:
    """A project under review; for several threads."""

    def __init__(self, project: Project, decisions: Decisions) -> None:
        self.project = project
        self.decisions = decisions
        self._mutex = threading.RLock()
        self._making = {name: threading.Lock() for name in QUEUES}
        self._queues: dict[QueueName, Queue] = {}
        self._faults: dict[QueueName, str] = {}
        self._generation = decisions.generation

    def overview(self, visitor: Visitor) -> dict[str, Any]:
        """Return the classes, and all queues, with the progress of those that were opened."""
        self._look()
        with self._mutex:
            return {
                "classes": self.classes(),
                "test_warning": TEST_WARNING,
                "queues": [self._state_of(name, visitor.who) for name in QUEUES],
            }

    def _state_of(self, name: QueueName, who: str) -> dict[str, Any]:
        queue = self._queues.get(name)
        return {
            "name": name,
            "title": TITLES[name],
            "fault": self._faults.get(name, ""),
            "progress": queue.progress(who) if queue else None,
        }

    def classes(self) -> list[str]:
        """Return the classes of the labels in alphabetical order."""
        return sorted(set(self.decisions.lines.labels.values()) - {""})

    def open_queue(self, name: QueueName) -> Queue:
        """Return a queue, which is made when it is first asked for.

        Raises:
            DataError: what it is made from is missing.
        """
        with self._making[name]:
            if name not in self._queues:
                try:
                    items = self.project.items(name)
                except DataError as error:
                    self._faults[name] = str(error)
                    raise
                queue = Queue(name, items)
                with self._mutex:
                    queue.look_again(self.decisions.lines, self.decisions.journal)
                    self._queues[name] = queue
                    self._faults.pop(name, None)
            return self._queues[name]

    def prepare(self, name: QueueName) -> None:
        """Make a queue and the neighbours in the background, while a browser starts."""
        with suppress(DataError):  # the page will say it
            self.open_queue(name)
            _ = self.project.neighbours

    def next_items(self, name: QueueName, visitor: Visitor, count: int = 2) -> dict[str, Any]:
        """Return the next images for a window, and the progress."""
        queue = self.open_queue(name)
        self._look()
        with self._mutex:
            items = queue.take(count, who=visitor.who, window=visitor.window, now=time.monotonic())
            return {
                "items": [self.described(item) for item in items],
                "progress": queue.progress(visitor.who),
            }

    def is_queued(self, file: str) -> bool:
        """Return whether the queue of recorded images has a file of this name."""
        return f"{BELOW_IMAGES}/{file}" in self.open_queue("recorded").places

    def show_skipped(self, name: QueueName, visitor: Visitor) -> None:
        """Show again what a person has skipped."""
        queue = self.open_queue(name)  # before the mutex, which it takes inside its own lock
        with self._mutex:
            queue.show_again(visitor.who)

    def release(self, visitor: Visitor) -> None:
        """Give the images of a window that is closed to others."""
        with self._mutex:
            for queue in self._queues.values():
                queue.release(visitor.window)

    def decide(self, name: QueueName, decision: Decision) -> Entry:
        """Carry out a decision.

        Raises:
            ConflictError, BusyError: see `Decisions.decide`; also for a class that does not exist.
        """
        if name == "recorded":
            decision = self._of_recorded(decision)
        if decision.action in ("change", "label") and not self._is_class(name, decision.new):
            raise ConflictError(
                f"no class {decision.new!r}: expected one of the classes of labels.csv"
            )
        try:
            (entry,) = self.decisions.decide([decision])
        finally:
            self._look()
        queue = self.open_queue(name) if entry.action == "skip" else None  # before the mutex
        with self._mutex:
            if queue is not None:
                queue.skip(entry.image, entry.who)
            self._look_at(entry.image)
        return entry

    def _of_recorded(self, decision: Decision) -> Decision:
        """Return a decision on a recorded image: a change is its first label.

        Raises:
            ConflictError: the queue has no such image.
        """
        queue = self.open_queue("recorded")
        places = queue.places.get(decision.image)
        if not places:
            raise ConflictError(f"{decision.image}: the queue of recorded images does not have it")
        action: Action = "label" if decision.action == "change" else decision.action
        item = queue.items[places[0]]
        return replace(decision, action=action, queue=item.queue, group=item.group)

    def undo(self, visitor: Visitor) -> Entry:
        """Take back the last decision of a person.

        Raises:
            ConflictError, BusyError: see `Decisions.undo`.
        """
        entry = self.decisions.undo(visitor.who)
        with self._mutex:
            for queue in self._queues.values():
                skipped = queue.skipped.get(visitor.who, set())
                skipped.difference_update(queue.places.get(entry.image, ()))
            self._look_at(entry.image)
        return entry

    def neighbours(self, row: int, labels: Sequence[str]) -> list[dict[str, Any]]:
        """Return for each label the training images of that class that are nearest to an image.

        Raises:
            DataError: the image is in no split, or the files of the last run are missing.
        """
        near = self.project.neighbours
        image = as_read(self.project.rows[row].image)
        if image not in self.project.neighbour_names:
            raise DataError(
                f"{image} is in no split, so its neighbours are not known: it was set aside, or is "
                "newer than the last run"
            )
        return [
            {
                "label": label,
                "images": [
                    {**asdict(found), "row": self.project.row_of.get(found.image)}
                    for found in near.nearest(image, NUM_NEIGHBOURS, label)
                ],
            }
            for label in labels
        ]

    def described(self, item: Item) -> dict[str, Any]:
        """Return an item for the page, with the labels of now."""
        lines, journal = self.decisions.lines, self.decisions.journal
        latest = journal.latest(item.image)
        beside = [
            {"image": name, "row": self.project.row_of.get(name), "label": lines.labels[name]}
            for name in item.beside
            if name in lines.labels
        ]
        return {
            "image": item.image,
            "row": self.project.row_of.get(item.image),
            "recorded": item.image.rpartition("/")[2] if item.queue else None,
            "label": lines.labels.get(item.image, ""),
            "proposed": proposed_for(item, lines),
            "label_probability": item.label_probability,
            "proposed_probability": item.proposed_probability,
            "split": item.split,
            "is_test": item.split == TEST,
            "group": item.group or lines.groups.get(item.image, ""),
            "why": item.why,
            "beside": beside,
            "seen": latest.id if latest else "",
            "latest": as_json(latest) if latest else None,
        }

    def _is_class(self, name: QueueName, label: str) -> bool:
        proposed = self.open_queue(name).proposed
        return label in proposed or label in self.decisions.lines.labels.values()

    def _look(self) -> None:
        """Take up what others have changed."""
        self.decisions.refresh()
        for report in self.decisions.reports():
            log.warning("%s", report)
        with self._mutex:
            if self._generation == self.decisions.generation:
                return
            self._generation = self.decisions.generation
            for queue in self._queues.values():
                queue.look_again(self.decisions.lines, self.decisions.journal)

    def _look_at(self, image: str) -> None:
        for queue in self._queues.values():
            queue.look_at(image, self.decisions.lines, self.decisions.journal)
