"""The progress of a stage for other programs: lines of JSON in a file.

Only where the variable LRADAPT_PROGRESS names the file; no output depends on it. A line is about a
loop: {"what", "done", "total", "unit", "seconds"}; or about an epoch that has ended: {"epoch",
"num_epochs", "loss", "accuracy", "balanced_accuracy", "validation_loss", "rates", "seconds",
"cpu_seconds"}. Seconds count from the start of the loop, or of the stage; `num_epochs` is the
largest possible number, `rates` the highest of each group.
"""

import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from lradapt.runtime import process_rank

log = logging.getLogger(__name__)

VARIABLE = "LRADAPT_PROGRESS"
EVERY_SECONDS = 2.0


class ProgressFile:
    """The file that the environment names; of several processes the first alone writes.

    Attributes:
        path: of the file; None where nobody has asked for one.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.path = None if process_rank.rank() else environment.get(VARIABLE)

    def write(self, **entry: Any) -> None:
        """Append a line; if that fails, warn once and go on: progress must not end a training."""
        if self.path is None:
            return
        try:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps({key: _short(value) for key, value in entry.items()}) + "\n")
        except OSError as error:
            self.path = None
            log.warning("no progress is shown from here on: %s", error)


def _short(value: Any) -> Any:
    """Round floats to six digits."""
    if isinstance(value, list):
        return [_short(each) for each in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value
