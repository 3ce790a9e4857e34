"""What a review reads of a project: images by their row, pixels, queues and neighbours."""

import csv
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lradapt.config.paths import Paths
from lradapt.data.checks.findings import Finding, Rules
from lradapt.data.checks.run_checks import run_checks
from lradapt.data.doubtful_table import read_doubtful
from lradapt.data.images.image_table import OK, ImageRow, read_table
from lradapt.data.images.near_duplicates import near_pairs
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import as_read, read_labels
from lradapt.data.neighbours import Neighbours, read_neighbours
from lradapt.data.split_table import read_split
from lradapt.errors import DataError
from lradapt.review.queues import (
    Item,
    QueueName,
    doubtful_items,
    duplicate_items,
    near_duplicate_items,
    recorded_items,
)
from lradapt.review.recorded_queue import FOLDER, read_queue

if TYPE_CHECKING:
    from lradapt.data.images.decode import Pixels

NO_RUN = "run `make retrain` first: it reads the images"


class PictureRow(NamedTuple):
    """What a picture needs of a line of `images.csv`, see `ImageRow`."""

    image: str
    verdict: str
    format: str
    depth: int


class Project:
    """The images of a project as they were at the start; labels are in `Decisions`.

    Args:
        paths: of the project.
        rules: limits and policies of the checks.
        max_megapixels: of one image.
    """

    def __init__(self, paths: Paths, rules: Rules, *, max_megapixels: float) -> None:
        require(paths.table, NO_RUN)
        self.paths = paths
        self.max_megapixels = max_megapixels
        self._rules = rules
        self.rows = _read_rows(paths.table)
        self.row_of = {as_read(row.image): number for number, row in enumerate(self.rows)}

    @cached_property
    def _table(self) -> list[ImageRow]:
        return read_table(self.paths.table)

    @cached_property
    def squares(self) -> "Pixels":
        """The pixels that the network receives, uint8 `[N, side, side, 3]`, memory-mapped."""
        require(self.paths.pixels, NO_RUN)
        squares: Pixels = np.load(self.paths.pixels, mmap_mode="r")
        return squares

    @cached_property
    def in_splits(self) -> Mapping[str, LabelledImage]:
        """Image -> its line of `split.csv`."""
        require(self.paths.split, NO_RUN)
        return {image.image: image for image in read_split(self.paths.split)}

    @cached_property
    def neighbour_names(self) -> frozenset[str]:
        """The images of the splits."""
        return frozenset(map(as_read, self.in_splits))

    @cached_property
    def neighbours(self) -> Neighbours:
        """All images of the splits; only those of the training have a label."""
        require(self.paths.activations, NO_RUN)
        return read_neighbours(self.paths.activations, list(self.in_splits.values()))

    def items(self, queue: QueueName) -> list[Item]:
        """Return the items of a queue; that of near duplicates takes seconds for 10,000 images.

        Raises:
            DataError: what the queue is made from is missing; the message has the remedy.
        """
        makers: Mapping[QueueName, Callable[[], list[Item]]] = {
            "doubtful": self._doubtful,
            "duplicates": self._duplicates,
            "near_duplicates": self._near_duplicates,
            "recorded": self._recorded,
        }
        return makers[queue]()

    def _doubtful(self) -> list[Item]:
        require(self.paths.doubtful_labels, "run `dvc repro doubtful_labels` first")
        return doubtful_items(read_doubtful(self.paths.doubtful_labels))

    def _duplicates(self) -> list[Item]:
        return duplicate_items(self._findings(np.empty((0, 2), np.intp)), self.in_splits)

    def _near_duplicates(self) -> list[Item]:
        near = near_pairs(self.squares, min_correlation=self._rules.near_correlation)
        return near_duplicate_items(self._findings(near), self.in_splits)

    @property
    def queue_folder(self) -> Path:
        """The folder of recorded images that are to be labelled."""
        return self.paths.labels.with_name(FOLDER)

    def _recorded(self) -> list[Item]:
        require(self.queue_folder, "run `lradapt queue RECORD` first")
        return recorded_items(read_queue(self.queue_folder))

    def _findings(self, near: "np.ndarray[tuple[int, ...], np.dtype[np.intp]]") -> list[Finding]:
        labels = read_labels(self.paths.labels)
        return run_checks(self._table, labels, near, self._rules).findings

    def is_decoded(self, row: int) -> bool:
        """Return whether a row of the table has pixels."""
        return 0 <= row < len(self.rows) and self.rows[row].verdict == OK


def _read_rows(table: Path) -> list[PictureRow]:
    """Read four columns of `images.csv`, in a fifth of the time of all."""
    with table.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file)
        header = next(reader)
        image, verdict, form, depth = (header.index(name) for name in PictureRow._fields)
        return [
            PictureRow(cells[image], cells[verdict], cells[form], int(cells[depth]))
            for cells in reader
        ]


def require(path: Path, remedy: str) -> None:
    """Check that a file is there.

    Raises:
        DataError: it is not; the message ends with the remedy.
    """
    if not path.exists():
        raise DataError(f"no {path}: {remedy}")
