"""Small answers for tests of the record."""

from datetime import UTC, datetime, timedelta

import numpy as np

from lradapt.recording.lines import Answered, Header
from lradapt.recording.read import read_record
from lradapt.recording.rows import Batch
from lradapt.registry import open_record

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
HEADER = Header("4baf7865a8d8", ("nevus", "melanoma"), 3)


def answered(number, time=None, **changes):
    """Return the answer to the image `number`, `number` seconds after noon."""
    values = {
        "time": time or NOON + timedelta(seconds=number),
        "sha256": f"{number:064x}",
        "probabilities": np.array([0.1, 0.9], np.float32),
        "features": np.array([number, 0.5, -2], np.float32),
        "brightness": 100.25,
        "sharpness": 3.5,
    }
    return Answered(**values | changes)


def batch(*numbers, header=HEADER, content=None):
    """Return a batch of images `number`; its features begin with the number."""
    count = len(numbers)
    return Batch(
        header=header,
        contents=[content or b"\x89PNG image %d" % number for number in numbers],
        squares=[np.full((4, 4, 3), number % 256, np.uint8) for number in numbers],
        probabilities=np.tile(np.array([0.1, 0.9], np.float32), (count, 1)),
        features=np.array([[number, 0.5, -2] for number in numbers], np.float32),
    )


def numbers_in(folder):
    """Return the numbers of the images in a record."""
    found = read_record(open_record(str(folder))).recorded
    return sorted(int(number) for each in found for number in each.features[:, 0])
