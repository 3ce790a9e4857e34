"""The state of a training, and its resumption by another process with bit-identical results.

The number of the step determines the order of images, views, dropout and rates. A checkpoint has
the rest: the weights, the momentum, and the steps and epochs so far. A resumed training yields
its earlier steps, epochs and cycles as if it had just made them, so the caller decides as before.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn
from torch.optim import Optimizer

from lradapt.compute.processes import ALONE, Processes
from lradapt.errors import DiskFullError
from lradapt.runtime.termination import Terminated, on_sigterm
from lradapt.runtime.timings import NO_TIME, clocks
from lradapt.training.checkpoint import (
    Checkpoint,
    CheckpointFolder,
    read_checkpoint,
    remove_others,
    write_checkpoint,
)
from lradapt.training.records import Epoch, Step, Weights
from lradapt.training.state import like, load_state, read_steps_and_epochs, state_of

log = logging.getLogger(__name__)


@contextmanager
def resumable(
    folder: Path, key: str, *, every_seconds: float, processes: Processes = ALONE
) -> Iterator["TrainingRun"]:
    """Run a block that trains and writes the results, with checkpoints.

    At SIGTERM the block finishes its step and saves a checkpoint. When it ends without an error,
    the checkpoints of other keys are removed.

    Args:
        folder: the folder of the stage's checkpoints; may be missing.
        key: see `lradapt.training.checkpoint.key_of`.
        every_seconds: from the end of one checkpoint to the next.
        processes: the processes that train together; SIGTERM to any of them ends all.

    Raises:
        Terminated: SIGTERM; the message names the step from which the next run resumes.
        TrainingError: another process has ended.
    """
    place = CheckpointFolder(folder, key)
    run = TrainingRun(place, every_seconds=every_seconds, processes=processes)
    with on_sigterm(run.terminate):
        try:
            yield run
        except Terminated as error:
            raise Terminated(f"ended by SIGTERM; {run.stop()}") from error
        except RuntimeError as error:
            processes.raise_if_lost(error)
            raise
        if processes.rank == 0:
            remove_others(place)


class TrainingRun:
    """The steps, epochs and cycles of one training so far; without a folder nothing is saved.

    Args:
        folder: the folder of its checkpoints.
        every_seconds: from the end of one checkpoint to the next.
        processes: the processes that train together, each with its own `TrainingRun`; the first
            one reads and writes.
        clock: returns seconds since any fixed time.

    Attributes:
        earlier: the time that earlier processes have spent on this training.
    """

    def __init__(
        self,
        folder: CheckpointFolder | None = None,
        *,
        every_seconds: float = math.inf,
        processes: Processes = ALONE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder if processes.rank == 0 else None
        self._processes, self._every_seconds, self._clock = processes, every_seconds, clock
        self._start, self.earlier = clocks(), NO_TIME
        self._steps: list[Step] = []
        self._epochs: list[Epoch] = []
        self._cycles: list[Weights] = []
        self._trained: tuple[nn.Module, Optimizer] | None = None
        self._last, self._saved_step, self._writable = clock(), 0, True
        self._in_step, self._asked_to_end = False, False

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
        """Run a block that trains `model`, first restored from the last checkpoint.

        A training that is longer than `every_seconds`, or was resumed, ends with a checkpoint.
        """
        found = self._processes.from_first(read_checkpoint(self._folder) if self._folder else None)
        if found:
            self._resume(found, model, optimizer)
        self._trained, self._last = (model, optimizer), self._clock()
        try:
            yield
        except GeneratorExit:  # the caller asks for no further cycle
            self._end()
            raise
        self._end()

    def _end(self) -> None:
        if self._saved_step:
            self._save()
        self._trained = None  # from here on the caller may load other weights

    def steps(self, steps: Iterator[Step]) -> Iterator[Step]:
        """Yield the saved steps of the unfinished epoch, then `steps`.

        Writes a checkpoint every `every_seconds`.
        """
        yield from self._steps[sum(len(epoch.steps) for epoch in self._epochs) :]
        while (step := self._next(steps)) is not None:
            if self._clock() - self._last >= self._every_seconds:
                self._save()
            yield step

    def epochs(self, epochs: Iterator[Epoch]) -> Iterator[Epoch]:
        """Yield the saved epochs, then `epochs`."""
        yield from tuple(self._epochs)
        for epoch in epochs:
            self._epochs.append(epoch)
            yield epoch

    def end_cycle(self, number: int, weights: Weights) -> Weights:
        """Return the weights at the end of a cycle, counted from 0: saved ones, or `weights`."""
        if number == len(self._cycles):
            self._cycles.append(weights)
        return self._cycles[number]

    def terminate(self) -> None:
        """End after the current step. With several processes, the first process decides when.

        Raises:
            Terminated: no step is in progress.
        """
        self._asked_to_end = True
        if not self._in_step and self._processes.rank == 0:
            raise Terminated

    def stop(self) -> str:
        """Save a checkpoint if there are new steps.

        Returns:
            A sentence that names the step to resume from.
        """
        self._in_step = True  # another SIGTERM must wait for this checkpoint too
        if self._trained:
            self._save()
        if not self._saved_step:
            return "there is no checkpoint yet"
        return f"the next run resumes after step {self._saved_step}"

    def _next(self, steps: Iterator[Step]) -> Step | None:
        self._in_step = True
        try:
            step = next(steps, None)
            if step is not None:
                self._steps.append(step)
            all_end = self._processes.any(self._asked_to_end)
        except BaseException:
            self._trained = None  # do not save: the step is incomplete
            raise
        finally:
            self._in_step = False
        if all_end or (self._asked_to_end and self._processes.rank == 0):
            raise Terminated
        return step

    def _save(self) -> None:
        step = len(self._steps)
        if self._folder and self._trained and step > self._saved_step:
            try:
                write_checkpoint(self._folder, self._checkpoint(*self._trained))
                self._saved_step, self._writable = step, True
            except (DiskFullError, OSError) as error:
                if self._writable:  # log the warning only once
                    log.warning(
                        "no checkpoint of step %d in %s (%s); the previous checkpoint is kept, "
                        "and the training continues",
                        step,
                        self._folder.own,
                        "the disk is full" if isinstance(error, DiskFullError) else error,
                    )
                self._writable = False
        self._last = self._clock()

    def _checkpoint(self, model: nn.Module, optimizer: Optimizer) -> Checkpoint:
        state = state_of(model, optimizer, self._steps, self._epochs)
        spent = self.earlier + clocks().since(self._start)
        return Checkpoint(len(self._steps), state, self._cycles, spent)

    def _resume(self, found: Checkpoint, model: nn.Module, optimizer: Optimizer) -> None:
        weights = model.state_dict()
        self._steps, self._epochs = read_steps_and_epochs(found.state)
        self._cycles = [like(cycle, weights) for cycle in found.cycles]
        load_state(found.state, model, optimizer)
        self._saved_step, self.earlier = found.step, found.spent
        log.info("resuming after step %d, from its checkpoint", found.step)
