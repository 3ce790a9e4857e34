"""Small answers for tests of the record."""

from datetime import UTC, datetime, timedelta

import numpy as np

from lradapt.recording.lines import Answered, Header

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
