"""The queue of recorded images that are to be labelled: a folder with a table and the images.

It lies beside `labels.csv`. An image that is labelled is copied from here below the images folder;
the queue itself stays, so that no image is picked twice.
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from lradapt.data.labelled_image import CHOSEN, RANDOM
from lradapt.errors import DataError
from lradapt.recording.names import images_of
from lradapt.recording.read import Recorded, RecordFiles
from lradapt.review.picking import Kind, Pick
from lradapt.runtime.files import write_bytes, write_csv
from lradapt.runtime.progress import tracked
from lradapt.text import from_table_cell, table_cell

FOLDER = "queue"
"""Beside `labels.csv`."""

BELOW_IMAGES = "recorded"
"""The folder of labelled images below the images folder."""

_TABLE = "queue.csv"
_KINDS: tuple[Kind, ...] = ("random", "unsure", "unlike")


@dataclass(frozen=True, slots=True)
class Queued:
    """A line of the queue.

    Attributes:
        file: name of the image in the queue: its hash, with an ending.
        kind: "random", "unsure" or "unlike".
        proposed: the class that the model gave.
        probability: of it.
        next: the second class; empty for a model of one class.
        next_probability: of it.
        distance: to the nearest training image, as text; empty where not known.
        version: of the model.
        answered: when it answered; UTC, ISO 8601.
        group: a pseudonym of what the image belongs to, as the record has it; "" without one.
    """

    file: str
    kind: str
    proposed: str
    probability: float
    next: str
    next_probability: float
    distance: str
    version: str
    answered: str
    group: str = ""

    @property
    def image(self) -> str:
        """The path of the image below the images folder, once it is labelled."""
        return f"{BELOW_IMAGES}/{self.file}"

    @property
    def sha256(self) -> str:
        """Of the file."""
        return self.file.partition(".")[0]

    @property
    def queue(self) -> str:
        """The cell of the column `queue` of `labels.csv`."""
        return RANDOM if self.kind == "random" else CHOSEN


def read_queue(folder: Path) -> list[Queued]:
    """Return the lines of a queue; none if there is no queue.

    Raises:
        DataError: the table was edited, and is not one of a queue.
    """
    path = folder / _TABLE
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_queued(line) for line in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path} is not the table of a queue ({error!r}); restore it, or remove the folder "
            f"{folder} and run `lradapt queue` again"
        ) from error


def kept_images(place: RecordFiles, segments: Iterable[str]) -> dict[str, str]:
    """Return sha256 -> key of each image that is kept in a record.

    Args:
        place: of the record.
        segments: whose images are looked for.
    """
    wanted = {images_of(segment) for segment in segments}
    keys = [key for key in place.list("images/") if f"{key.rpartition('/')[0]}/" in wanted]
    return {key.rpartition("/")[2].partition(".")[0]: key for key in keys}


def lines_of(
    recorded: Recorded, picks: Sequence[Pick], keys: dict[str, str], distances: Sequence[float]
) -> list[Queued]:
    """Return the line of each pick.

    Args:
        recorded: the answers.
        picks: of them.
        keys: see `kept_images`.
        distances: of all answers to the training images; empty where not known.
    """
    return [
        Queued(
            keys[recorded.sha256[each.row]].rpartition("/")[2],
            each.kind,
            *_two_best(recorded, each.row),
            f"{distances[each.row]:.4f}" if len(distances) else "",
            recorded.version,
            f"{recorded.times[each.row]}Z",
            recorded.group_of(each.row),
        )
        for each in picks
    ]


def add_to_queue(
    folder: Path, lines: Sequence[Queued], place: RecordFiles, keys: dict[str, str]
) -> list[Queued]:
    """Copy the images of new lines into the queue, and add the lines; return those that were added.

    An image that is gone from the record, or damaged in it, is left out.

    Args:
        folder: of the queue.
        lines: new ones.
        place: of the record.
        keys: see `kept_images`.
    """
    before = read_queue(folder)
    added = []
    with tracked(lines, "queue", total=len(lines), unit="images") as shown:
        for line in shown:
            content = place.read(keys[line.sha256])
            if content is not None and hashlib.sha256(content).hexdigest() == line.sha256:
                write_bytes(folder / line.file, content)
                added.append(line)
    rows = [[_cell(value) for value in astuple(line)] for line in [*before, *added]]
    write_csv(folder / _TABLE, [field.name for field in fields(Queued)], rows)
    return added


def _two_best(recorded: Recorded, row: int) -> tuple[str, float, str, float]:
    probabilities = recorded.probabilities[row].astype(float)
    first, *others = (-probabilities).argsort(kind="stable").tolist()
    if not others:
        return recorded.classes[first], probabilities[first], "", 0.0
    second = others[0]
    return (
        *(recorded.classes[first], probabilities[first]),
        *(recorded.classes[second], probabilities[second]),
    )


def _cell(value: str | float) -> str:
    return f"{value:.6f}" if isinstance(value, float) else table_cell(value)


def _queued(line: dict[str, str]) -> Queued:
    line = {"group": "", **line}  # a queue of an earlier version does not have it
    texts = {name: from_table_cell(line[name]) for name in (f.name for f in fields(Queued))}
    if texts["kind"] not in _KINDS or "/" in texts["file"] or texts["file"].startswith("."):
        raise ValueError(f"{texts['file']!r}, kind {texts['kind']!r}")
    numbers = {name: float(texts.pop(name)) for name in ("probability", "next_probability")}
    return Queued(**texts, **numbers)  # type: ignore[arg-type]
