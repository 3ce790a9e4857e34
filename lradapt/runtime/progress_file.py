"""How far a stage is, for whoever watches it from outside: lines of JSON in a file.

Only where the variable LRADAPT_PROGRESS names the file; nothing of it reaches an output. A line is
of a loop: {"what", "done", "total", "unit", "seconds"}; or of an epoch that has ended: {"epoch",
"num_epochs", "loss", "accuracy", "rates", "seconds"}. Seconds count from the start of the loop, or
of the stage; `num_epochs` is the most there can be, `rates` the highest of each parameter group.
"""

import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lradapt.training.loop import Epoch

log = logging.getLogger(__name__)

VARIABLE = "LRADAPT_PROGRESS"
EVERY_SECONDS = 2.0


class JsonLines:
    """A display of `lradapt.runtime.progress`: a line every two seconds."""

    every_seconds = EVERY_SECONDS

    def __init__(self, what: str, total: int, unit: str) -> None:
        self._what, self._total, self._unit = what, total, unit

    def show(self, done: int, seconds: float) -> None:
        """One line."""
        _append(
            what=self._what, done=done, total=self._total, unit=self._unit, seconds=_short(seconds)
        )

    def close(self) -> None:
        """Nothing: what was said stays."""


@contextmanager
def epochs_told() -> Iterator[None]:
    """A block of which each epoch is told when it has ended, if anybody watches."""
    if VARIABLE not in os.environ:
        yield
        return
    logger, listener = logging.getLogger("lradapt.training.loop"), _Epochs()
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)


class _Epochs(logging.Handler):
    """Hears of each epoch as the training loop logs it."""

    def __init__(self) -> None:
        super().__init__()
        self._start = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        epoch: Epoch | None = getattr(record, "epoch", None)
        if epoch:
            rates = [
                max(rates) for rates in zip(*(step.rates for step in epoch.steps), strict=True)
            ]
            _append(
                epoch=epoch.number + 1,
                num_epochs=getattr(record, "num_epochs", None),
                loss=_short(sum(step.loss for step in epoch.steps) / len(epoch.steps)),
                accuracy=epoch.validation and _short(epoch.validation.accuracy),
                rates=[_short(rate) for rate in rates],
                seconds=_short(time.monotonic() - self._start),
            )


def _short(value: float) -> float:
    return float(f"{value:.6g}")


def _append(**entry: Any) -> None:
    """Add a line; where that fails, say so once: a training must not end for it."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    try:
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
    except OSError as error:
        del os.environ[VARIABLE]
        log.warning("progress is not shown from here on: %s", error)
