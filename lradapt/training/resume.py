"""How far a training has come, and how another process goes on from there, to the same bits.

Order, views, dropout and rates follow from the number of the step. What does not is kept: the
weights, the momentum, and what the results tell of the steps so far. A resumed training hands out
its former steps, epochs and cycles as if it had just made them, so that whoever asks for them
decides as before.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import Tensor, nn
from torch.optim import Optimizer

from lradapt.compute.processes import ALONE, Processes
from lradapt.errors import DiskFullError
from lradapt.runtime.termination import Terminated, on_sigterm
from lradapt.runtime.timings import NO_TIME, clocks, count_former
from lradapt.training.checkpoint import (
    Checkpoint,
    Place,
    forget_others,
    read_checkpoint,
    write_checkpoint,
)
from lradapt.training.loop import Epoch, Step
from lradapt.training.state import like, load_state, recorded, state_of

log = logging.getLogger(__name__)

_UNWRITTEN = "no checkpoint of step %d in %s (%s); the one before stays, and the training goes on"


@contextmanager
def underway(
    folder: Path, key: str, *, every_seconds: float, processes: Processes = ALONE
) -> Iterator["Course"]:
    """A block that trains and writes the results, with checkpoints.

    At SIGTERM it finishes the step, and leaves a checkpoint. When it ends without an error, the
    checkpoints of other keys go.

    Args:
        folder: of the stage's checkpoints; may be missing.
        key: see `lradapt.training.checkpoint.key_of`.
        every_seconds: from the end of one checkpoint to the next.
        processes: that train side by side; SIGTERM to any of them ends all.

    Raises:
        Terminated: SIGTERM; says what is left.
        TrainingError: another process has ended.
    """
    place = Place(folder, key)
    course = Course(place, every_seconds=every_seconds, processes=processes)
    with on_sigterm(course.terminate):
        try:
            yield course
        except Terminated:
            raise Terminated(f"ended by SIGTERM; {course.stop()}") from None
        except RuntimeError as error:
            processes.raise_if_lost(error)
            raise
        if processes.rank == 0:
            forget_others(place)


class Course:
    """A training under way: its steps, epochs and cycles so far; without a place nothing is kept.

    Args:
        place: of its checkpoints.
        every_seconds: from the end of one checkpoint to the next.
        processes: that train side by side, each with such a course; the first reads and writes.
        clock: seconds from any start.
    """

    def __init__(
        self,
        place: Place | None = None,
        *,
        every_seconds: float = math.inf,
        processes: Processes = ALONE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place if processes.rank == 0 else None
        self._processes, self._every_seconds, self._clock = processes, every_seconds, clock
        self._start, self._before = clocks(), NO_TIME
        self._steps: list[Step] = []
        self._epochs: list[Epoch] = []
        self._cycles: list[dict[str, Tensor]] = []
        self._trained: tuple[nn.Module, Optimizer] | None = None
        self._last, self._kept_step, self._writable = clock(), 0, True
        self._computes, self._asked_to_end = False, False

    @property
    def first_step(self) -> int:
        """The number of the next step to take."""
        return len(self._steps)

    @property
    def first_epoch(self) -> int:
        """The number of the next epoch to end."""
        return len(self._epochs)

    @contextmanager
    def training(self, model: nn.Module, optimizer: Optimizer) -> Iterator[None]:
        """A block that trains `model`, which first becomes what it was at the last checkpoint.

        One that has outlived a checkpoint ends with another.

        Args:
            model: on its device and in its memory format.
            optimizer: SGD over its parameters.
        """
        found = self._processes.from_first(read_checkpoint(self._place) if self._place else None)
        if found:
            self._go_on(found, model, optimizer)
        self._trained, self._last = (model, optimizer), self._clock()
        yield
        if self._kept_step:
            self._keep()
        self._trained = None  # from here on the weights may become others

    def steps(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Those of the epoch under way that are taken already, then `steps`."""
        yield from self._steps[sum(len(epoch.steps) for epoch in self._epochs) :]
        while (step := self._next(steps)) is not None:
            if self._clock() - self._last >= self._every_seconds:
                self._keep()
            yield step

    def epochs(self, epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        """The former ones, then `epochs`."""
        yield from tuple(self._epochs)
        for epoch in epochs:
            self._epochs.append(epoch)
            yield epoch

    def end_cycle(self, number: int, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """What the weights were at the end of a cycle, counted from 0: `weights`, if it is new."""
        if number == len(self._cycles):
            self._cycles.append(weights)
        return self._cycles[number]

    def terminate(self) -> None:
        """End as soon as no step is half done; of several processes the first says when.

        Raises:
            Terminated: none is.
        """
        self._asked_to_end = True
        if not self._computes and self._processes.rank == 0:
            raise Terminated

    def stop(self) -> str:
        """Leave a checkpoint where steps were taken since the last; what there is to go on from."""
        self._computes = True  # who asks again shall wait for this too
        if self._trained:
            self._keep()
        if not self._kept_step:
            return "there is no checkpoint yet"
        return f"the next run goes on after step {self._kept_step}"

    def _next(self, steps: Iterator[Step]) -> Step | None:
        self._computes = True
        try:
            step = next(steps, None)
            if step is not None:
                self._steps.append(step)
            all_end = self._processes.any(self._asked_to_end)
        except BaseException:
            self._trained = None  # half a step is nothing to go on from
            raise
        finally:
            self._computes = False
        if all_end or (self._asked_to_end and self._processes.rank == 0):
            raise Terminated
        return step

    def _keep(self) -> None:
        step = len(self._steps)
        if self._place and self._trained and step > self._kept_step:
            try:
                write_checkpoint(self._place, self._now(*self._trained))
                self._kept_step, self._writable = step, True
            except (DiskFullError, OSError) as error:
                if self._writable:  # else it was told before
                    log.warning(_UNWRITTEN, step, self._place.own, _why(error))
                self._writable = False
        self._last = self._clock()

    def _now(self, model: nn.Module, optimizer: Optimizer) -> Checkpoint:
        state = state_of(model, optimizer, self._steps, self._epochs)
        spent = self._before + clocks().since(self._start)
        return Checkpoint(len(self._steps), state, self._cycles, spent)

    def _go_on(self, found: Checkpoint, model: nn.Module, optimizer: Optimizer) -> None:
        weights = model.state_dict()
        self._steps, self._epochs = recorded(found.state)
        self._cycles = [like(cycle, weights) for cycle in found.cycles]
        load_state(found.state, model, optimizer)
        self._kept_step, self._before = found.step, found.spent
        count_former(found.spent)
        log.info("goes on after step %d, where a checkpoint was left", found.step)


def _why(error: DiskFullError | OSError) -> str:
    return "the disk is full" if isinstance(error, DiskFullError) else str(error)
