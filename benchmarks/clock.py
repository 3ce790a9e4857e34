"""Wall and CPU seconds since a start, phase by phase and epoch by epoch."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lradapt.training.loop import Epoch


@dataclass(frozen=True, slots=True)
class Moment:
    """Seconds since the start of a run: of the wall, and of all its threads."""

    seconds: float
    cpu_seconds: float

    def __sub__(self, former: "Moment") -> "Moment":
        return Moment(self.seconds - former.seconds, self.cpu_seconds - former.cpu_seconds)

    def __add__(self, other: "Moment") -> "Moment":
        return Moment(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds)


@dataclass(frozen=True, slots=True)
class Point:
    """The end of an epoch, the pass over the side that judges included."""

    phase: str
    epoch: int
    at: Moment
    accuracy: float
    balanced_accuracy: float
    loss: float


@dataclass(slots=True)
class Clock:
    """What a run has taken so far.

    Attributes:
        phases: name -> seconds; of a phase entered several times the sum.
        points: the ends of its epochs, in order.
    """

    start: Moment = field(default_factory=lambda: _now())
    phases: dict[str, Moment] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """A block whose seconds count to `name`, and whose epochs become points."""
        before = self.elapsed()
        listener = _Listener(self, name)
        logger = logging.getLogger("lradapt.training.loop")
        level = logger.level
        logger.addHandler(listener)
        logger.setLevel(logging.INFO)  # else no epoch is told of
        try:
            yield
        finally:
            logger.setLevel(level)
            logger.removeHandler(listener)
        spent = self.elapsed() - before
        self.phases[name] = self.phases.get(name, Moment(0, 0)) + spent

    def elapsed(self) -> Moment:
        """Since the start."""
        return _now() - self.start


class _Listener(logging.Handler):
    """Notes each epoch at the moment the loop tells of it."""

    def __init__(self, clock: Clock, phase: str) -> None:
        super().__init__()
        self._clock, self._phase = clock, phase

    def emit(self, record: logging.LogRecord) -> None:
        epoch: Epoch | None = getattr(record, "epoch", None)
        if epoch and epoch.validation:
            self._clock.points.append(
                Point(
                    self._phase,
                    epoch.number + 1,
                    self._clock.elapsed(),
                    epoch.validation.accuracy,
                    epoch.validation.balanced_accuracy,
                    epoch.validation.loss,
                )
            )


def _now() -> Moment:
    return Moment(time.perf_counter(), time.process_time())
