"""What a server hands over, and the lines that are made of it, away from the answers.

Letters of shapes: N images, S the side of a square, K classes, D features.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

import numpy as np

from lradapt.data.images.decode import Pixels
from lradapt.data.images.looks import brightness_and_sharpness
from lradapt.recording.lines import Answered, Floats, Header, answer_line

_OVERHEAD_BYTES = 1000  # of objects of Python, about
_STARTS = {
    b"\xff\xd8\xff": "jpg",
    b"\x89PNG": "png",
    b"GIF8": "gif",
    b"RIFF": "webp",
    b"II*\0": "tif",
    b"MM\0*": "tif",
    b"BM": "bmp",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Images that were answered together.

    Attributes:
        header: of the model.
        contents: the files, as they were sent.
        squares: the pixels that the model received, each `[S, S, 3]`.
        probabilities: `[N, K]`.
        features: `[N, D]`; None where the model gives none.
        unlike: `[N]`; None likewise.
        unsure: of each image; None likewise.
        group: a pseudonym of what all images belong to; "" without one.
    """

    header: Header
    contents: Sequence[bytes]
    squares: Sequence[Pixels]
    probabilities: Floats
    features: Floats | None = None
    unlike: Floats | None = None
    unsure: Sequence[tuple[str, ...] | None] | None = None
    group: str = ""

    @property
    def num_bytes(self) -> int:
        """The memory that it takes, about."""
        arrays = [*self.squares, self.probabilities, self.features]
        return (
            _OVERHEAD_BYTES * len(self.contents)
            + sum(len(content) for content in self.contents)
            + sum(each.nbytes for each in arrays if each is not None)
        )


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is to be written.

    Attributes:
        header: of its segment.
        time: of the answer.
        line: the line itself.
        image_name: of the image file beside the segment: its hash; "" if it is not kept.
        image: its content.
    """

    header: Header
    time: datetime
    line: bytes
    image_name: str = ""
    image: bytes = b""

    @property
    def num_bytes(self) -> int:
        """What it takes on the disk."""
        return len(self.line) + len(self.image)


def rows_of(batches: Sequence[tuple[datetime, Batch]], *, with_images: bool) -> list[Row]:
    """Return a row for each image of all batches, in order.

    Args:
        batches: with the times of their answers.
        with_images: whether the files are kept too.
    """
    rows: list[Row] = []
    for _, together in groupby(batches, key=lambda each: (each[1].header, _side(each[1]))):
        rows += _rows_of_a_model(list(together), with_images)
    return rows


def _side(batch: Batch) -> int:
    return len(batch.squares[0])


def _rows_of_a_model(batches: Sequence[tuple[datetime, Batch]], with_images: bool) -> list[Row]:
    """Measure all images at once: for small ones the calls of numpy would take longer."""
    squares = np.stack([square for _, batch in batches for square in batch.squares])
    looks = zip(*brightness_and_sharpness(squares), strict=True)
    return [
        _row(time, batch, number, next(looks), with_images)
        for time, batch in batches
        for number in range(len(batch.contents))
    ]


def _row(
    time: datetime, batch: Batch, number: int, looks: tuple[float, float], with_images: bool
) -> Row:
    content = batch.contents[number]
    sha256 = hashlib.sha256(content).hexdigest()
    answered = Answered(
        time,
        sha256,
        batch.probabilities[number],
        np.empty(0, np.float32) if batch.features is None else batch.features[number],
        *looks,
        None if batch.unlike is None else float(batch.unlike[number]),
        None if batch.unsure is None else batch.unsure[number],
        batch.group,
    )
    line = answer_line(answered)
    if not with_images:
        return Row(batch.header, time, line)
    return Row(batch.header, time, line, f"{sha256}.{_ending(content)}", content)


def _ending(content: bytes) -> str:
    """Return the ending of a file name by the first bytes of a file, whatever it was named."""
    return next((ending for start, ending in _STARTS.items() if content.startswith(start)), "bin")
