"""Queues: the images to decide on, in order, and which of them are still open.

A queue is made from what is known about the data: `doubtful_labels.csv`, and the findings of the
checks. An item is open while its label is the one that was doubted, and nobody has decided on it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from lradapt.data.checks.findings import Finding
from lradapt.data.doubtful_table import DoubtfulLabel
from lradapt.data.labelled_image import TEST, LabelledImage
from lradapt.data.labels import as_read
from lradapt.review.entries import label_after
from lradapt.review.journal import Journal
from lradapt.review.label_lines import LabelLines
from lradapt.review.recorded_queue import Queued

QueueName = Literal["doubtful", "duplicates", "near_duplicates", "recorded"]
QUEUES: tuple[QueueName, ...] = get_args(QueueName)
TITLES: Mapping[QueueName, str] = {
    "doubtful": "Doubtful labels",
    "duplicates": "Identical images with different labels",
    "near_duplicates": "Nearly identical images in different splits",
    "recorded": "Recorded images to be labelled",
}
LEASE_SECONDS = 120.0
"""For which an item is shown to one person alone, unless they decide."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """An image to decide on.

    Attributes:
        image: path below the images folder.
        label: that is doubted; None where any label is.
        proposed: the proposed label; empty where there is none.
        label_probability, proposed_probability: in [0, 1]; None where not known.
        split: "train", "validation" or "test"; empty where the image is in none.
        group: of the image; may be empty.
        beside: the images that this one is compared with.
        contradiction: whether it is open only while its label differs from those beside it.
        queue: "chosen" or "random" for a recorded image, which has no label yet; else empty.
        why: it is in the queue, in words.
    """

    image: str
    label: str | None = None
    proposed: str = ""
    label_probability: float | None = None
    proposed_probability: float | None = None
    split: str = ""
    group: str = ""
    beside: tuple[str, ...] = ()
    contradiction: bool = False
    queue: str = ""
    why: str = ""


def doubtful_items(rows: Iterable[DoubtfulLabel]) -> list[Item]:
    """Return an item for each doubtful label, in the order of the table."""
    return [
        Item(
            image=as_read(row.image),
            label=row.label,
            proposed=row.proposed,
            label_probability=row.label_probability,
            proposed_probability=row.proposed_probability,
            split=row.split,
            group=row.group,
            why="the model doubts the label",
        )
        for row in rows
    ]


def duplicate_items(findings: Iterable[Finding], images: Mapping[str, LabelledImage]) -> list[Item]:
    """Return an item for each image of `two_labels`, with its duplicates beside it.

    Args:
        findings: of the checks, of any kinds.
        images: name -> image with group and split, where it is in one.
    """
    return [
        _compared(image, tuple(other for other in finding.images if other != image), images)
        for finding in findings
        if finding.kind == "two_labels"
        for image in finding.images
    ]


def near_duplicate_items(
    findings: Iterable[Finding], images: Mapping[str, LabelledImage]
) -> list[Item]:
    """Return an item for each near duplicate with one image in test and the other outside it.

    It is the one outside the test set, since that is the one to exclude.

    Args:
        findings: see `duplicate_items`.
        images: the same.
    """
    pairs = [
        sorted((f.images[0], f.beside[0]), key=lambda name: _is_test(name, images))
        for f in findings
        if f.kind == "near_duplicate"
    ]
    return [
        _near(image, other, images)
        for image, other in pairs
        if not _is_test(image, images) and _is_test(other, images) and image in images
    ]


def recorded_items(lines: Iterable[Queued]) -> list[Item]:
    """Return an item for each recorded image that was picked, in the order of the table."""
    return [
        Item(
            image=line.image,
            proposed=line.proposed,
            proposed_probability=line.probability,
            group=line.group,
            queue=line.queue,
            why=_why_picked(line),
        )
        for line in lines
    ]


def is_open(item: Item, lines: LabelLines, journal: Journal) -> bool:
    """Return whether an item is still to be decided."""
    label = lines.labels.get(item.image)
    if item.queue:
        return label is None and journal.settled(item.image) is None
    if label is None or item.label not in (None, label):
        return False
    settled = journal.settled(item.image)
    if settled is not None and label_after(settled) == label:
        return False
    others = [lines.labels[name] for name in item.beside if name in lines.labels]
    if item.contradiction:
        return any(other != label for other in others)
    return bool(others) or not item.beside


def proposed_for(item: Item, lines: LabelLines) -> str:
    """Return the proposed label: of the model, or of the images beside it where theirs differs."""
    if item.proposed or not item.beside:
        return item.proposed
    label = lines.labels.get(item.image)
    others = (lines.labels.get(name, label) for name in item.beside)
    return next((other for other in others if other and other != label), "")


@dataclass(slots=True)
class Queue:
    """The items of a queue, with those that are open, skipped, or shown to somebody.

    Attributes:
        name: of the queue.
        items: in their order.
        open: positions of the open ones, as the keys of a dict, in order.
        skipped: person -> positions that the person has skipped since the start.
        leases: position -> who looks at it (a window of a browser), and until when.
        places: image -> positions of the items that depend on its label.
        proposed: all classes that its items propose.
    """

    name: QueueName
    items: Sequence[Item]
    open: dict[int, None] = field(default_factory=dict)
    skipped: defaultdict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    leases: dict[int, tuple[str, float]] = field(default_factory=dict)
    places: dict[str, list[int]] = field(default_factory=dict)
    proposed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.proposed = frozenset(item.proposed for item in self.items if item.proposed)
        for position, item in enumerate(self.items):
            for image in (item.image, *item.beside):
                self.places.setdefault(image, []).append(position)

    def look_again(self, lines: LabelLines, journal: Journal) -> None:
        """Find out which items are open."""
        self.open = {
            position: None
            for position, item in enumerate(self.items)
            if is_open(item, lines, journal)
        }

    def look_at(self, image: str, lines: LabelLines, journal: Journal) -> None:
        """Find out which of the items that depend on an image are open, after a decision on it."""
        places = self.places.get(image, ())
        for position in sorted(places, key=lambda place: self.items[place].image == image):
            self.leases.pop(position, None)
            still = is_open(self.items[position], lines, journal)
            if still and position not in self.open:
                self.open = {position: None, **self.open}  # undone: shown first
            elif not still:
                self.open.pop(position, None)

    def skip(self, image: str, who: str) -> None:
        """Remember that a person has skipped an image."""
        self.skipped[who].update(self.places.get(image, ()))

    def show_again(self, who: str) -> None:
        """Forget what a person has skipped."""
        self.skipped.pop(who, None)

    def take(self, count: int, *, who: str, window: str, now: float) -> list[Item]:
        """Return the next items for a window; other windows do not get them for a while.

        Args:
            count: the most that are returned.
            who: the person, who does not get again what they have skipped.
            window: of a browser; its own leases are renewed.
            now: a monotonic time in seconds.
        """
        taken: list[int] = []
        skipped = self.skipped.get(who, set())
        for position in self.open:
            holder, until = self.leases.get(position, (window, 0.0))
            if position in skipped or (holder != window and until > now):
                continue
            taken.append(position)
            if len(taken) == count:
                break
        self._lease(taken, window, now)
        return [self.items[position] for position in taken]

    def release(self, window: str) -> None:
        """Forget what a window looks at."""
        self.leases = {p: lease for p, lease in self.leases.items() if lease[0] != window}

    def progress(self, who: str) -> dict[str, int]:
        """Return the number of items: all, open, and skipped by a person and open."""
        skipped = sum(position in self.open for position in self.skipped.get(who, ()))
        return {"total": len(self.items), "open": len(self.open), "skipped": skipped}

    def _lease(self, taken: Sequence[int], window: str, now: float) -> None:
        self.release(window)
        self.leases |= dict.fromkeys(taken, (window, now + LEASE_SECONDS))


def _compared(image: str, others: tuple[str, ...], images: Mapping[str, LabelledImage]) -> Item:
    known = images.get(image)
    return Item(
        image=as_read(image),
        split=known.split if known else "",
        group=known.group if known else "",
        beside=tuple(map(as_read, others)),
        contradiction=True,
        why="other images with the same pixels have another label",
    )


def _near(image: str, other: str, images: Mapping[str, LabelledImage]) -> Item:
    return Item(
        image=as_read(image),
        split=images[image].split,
        group=images[image].group,
        beside=(as_read(other),),
        why=f"looks like {other}, which is in the test set: exclude it, or keep it if they differ",
    )


def _why_picked(line: Queued) -> str:
    if line.kind == "random":
        return "picked by chance: it may become a test image, so label it even if it is hard"
    if line.kind == "unlike":
        return f"picked as unlike the training images (distance {line.distance})"
    return f"picked as unsure: {line.next} has the probability {line.next_probability:.1%}"


def _is_test(image: str, images: Mapping[str, LabelledImage]) -> bool:
    return image in images and images[image].split == TEST
