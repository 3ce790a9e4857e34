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
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lradapt.batches import Batch, Examples, steps_per_epoch, training_batches
from lradapt.checkpoint import (
    Checkpoint,
    Place,
    Tensors,
    forget_others,
    read_checkpoint,
    write_checkpoint,
)
from lradapt.engine import Engine, generator
from lradapt.errors import DiskFullError, TrainingError
from lradapt.imbalance import Balance, Loss
from lradapt.processes import ALONE, Processes
from lradapt.schedules import Schedule
from lradapt.termination import Terminated, on_sigterm
from lradapt.timings import NO_TIME, clocks, count_former
from lradapt.train import Epoch, Score, Step, finite, run_epochs, train_steps

log = logging.getLogger(__name__)

_UNWRITTEN = "no checkpoint of step %d in %s (%s); the one before stays, and the training goes on"
_WEIGHTS, _MOMENTUM = "weights/", "momentum/"
_DROPOUT = 4  # purpose of random numbers


@contextmanager
def underway(
    folder: Path, key: str, *, every_seconds: float, processes: Processes = ALONE
) -> Iterator["Course"]:
    """A block that trains and writes the results, with checkpoints.

    At SIGTERM it finishes the step, and leaves a checkpoint. When it ends without an error, the
    checkpoints of other keys go.

    Args:
        folder: of the stage's checkpoints; may be missing.
        key: see `lradapt.checkpoint.key_of`.
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
        state = {
            **_prefixed(_WEIGHTS, model.state_dict()),
            **_prefixed(_MOMENTUM, _momentum(optimizer)),
            **_records(self._steps, self._epochs),
        }
        spent = self._before + clocks().since(self._start)
        return Checkpoint(len(self._steps), state, self._cycles, spent)

    def _go_on(self, found: Checkpoint, model: nn.Module, optimizer: Optimizer) -> None:
        weights = model.state_dict()
        self._steps, self._epochs = _recorded(found.state)
        self._cycles = [_like(cycle, weights) for cycle in found.cycles]
        model.load_state_dict(_part(found.state, _WEIGHTS))
        _set_momentum(optimizer, _part(found.state, _MOMENTUM))
        self._kept_step, self._before = found.step, found.spent
        count_former(found.spent)
        log.info("goes on after step %d, where a checkpoint was left", found.step)


def _why(error: DiskFullError | OSError) -> str:
    return "the disk is full" if isinstance(error, DiskFullError) else str(error)


def train_epochs(
    model: nn.Module,
    training: Examples,
    tune: Examples,
    optimizer: Optimizer,
    engine: Engine,
    *,
    schedule: Schedule,
    num_epochs: int,
    batch_size: int,
    seed: int,
    balance: Balance,
    course: Course,
) -> Iterator[Epoch]:
    """The epochs of a course, for as long as the caller asks for the next.

    `num_epochs` is the most that will be asked for; it is told, not counted. Sets the seed of
    torch's own random numbers at each step. Where several processes train, each takes its part of
    every batch, and the losses are those of the whole batches.

    Raises:
        TrainingError: a loss is not finite, on either side; or there are more processes than images
            in a batch.
    """
    num_steps = steps_per_epoch(len(training.labels), batch_size)
    _require_parts(len(training.labels) // num_steps, engine.processes)
    batches = training_batches(
        training,
        batch_size=batch_size,
        seed=seed,
        order=balance.order,
        first_step=course.first_step,
        processes=engine.processes,
    )
    steps = train_steps(
        engine.processes.spread(model),
        _seeded(batches, seed, course.first_step, engine.processes.rank),
        optimizer,
        schedule,
        engine,
        loss=_shared_loss(balance, engine.processes),
        first_step=course.first_step,
    )
    epochs = run_epochs(
        model,
        course.steps(finite(_of_whole_batches(steps, engine))),
        num_steps,
        tune,
        engine,
        first_epoch=course.first_epoch,
        num_epochs=num_epochs,
    )
    return course.epochs(epochs)


def _require_parts(smallest: int, processes: Processes) -> None:
    if smallest < processes.size:
        raise TrainingError(
            f"a batch of {smallest} image(s) has none for each of {processes.size} processes; "
            "lower finetune.processes, or raise finetune.batch_size"
        )


def _shared_loss(balance: Balance, processes: Processes) -> Loss:
    """A loss of a part of the batch; its mean over the processes is the loss of the whole batch."""
    if processes.size == 1:
        return balance.loss

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        weight = balance.weight(labels)
        return balance.loss(logits, labels) * (weight / processes.mean(weight))

    return loss


def _of_whole_batches(steps: Iterator[Step], engine: Engine) -> Iterator[Step]:
    """`steps` with the mean of the processes' losses, which all see alike."""
    if engine.processes.size == 1:
        yield from steps
        return
    for step in steps:
        loss = torch.tensor(step.loss, dtype=torch.float64, device=engine.device)
        yield replace(step, loss=engine.processes.mean(loss).item())


def _seeded(batches: Iterator[Batch], seed: int, first_step: int, rank: int) -> Iterator[Batch]:
    """`batches`; what a network draws for each, as dropout does, comes from (seed, step) alone.

    Of several processes each draws its own.
    """
    for step, batch in enumerate(batches, start=first_step):
        key = (seed, _DROPOUT, step, rank) if rank else (seed, _DROPOUT, step)
        _seed_own(generator(*key).initial_seed(), batch[1].device)
        yield batch


def _seed_own(seed: int, device: torch.device) -> None:
    """Seed the numbers that layers draw.

    `torch.manual_seed` would also note a stack trace for CUDA, at each step: that costs more than a
    step of the head, and the notes stay until CUDA is first used.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


def _prefixed(prefix: str, tensors: Tensors) -> dict[str, Tensor]:
    return {prefix + name: value for name, value in tensors.items()}


def _part(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    found = {name: value for name, value in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in found.items()}


def _like(tensors: Tensors, models: Tensors) -> dict[str, Tensor]:
    """`tensors` on the devices and in the memory formats of `models`."""
    return {name: torch.empty_like(models[name]).copy_(value) for name, value in tensors.items()}


def _parameters(optimizer: Optimizer) -> dict[str, Tensor]:
    own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    return {str(number): parameter for number, parameter in enumerate(own)}


def _momentum(optimizer: Optimizer) -> dict[str, Tensor]:
    """Of each parameter by its place; none before the first step, or without momentum."""
    found = {
        name: optimizer.state[parameter].get("momentum_buffer")
        for name, parameter in _parameters(optimizer).items()
    }
    return {name: value for name, value in found.items() if value is not None}


def _set_momentum(optimizer: Optimizer, momentum: Tensors) -> None:
    parameters = _parameters(optimizer)
    for name, value in _like(momentum, parameters).items():
        optimizer.state[parameters[name]]["momentum_buffer"] = value.detach()


def _records(steps: list[Step], epochs: list[Epoch]) -> dict[str, Tensor]:
    """Steps and epochs as tensors in double precision, which holds their numbers to the bit."""
    tunes = [epoch.tune or Score(math.nan, math.nan, math.nan) for epoch in epochs]
    scores = [[tune.loss, tune.accuracy, tune.balanced_accuracy] for tune in tunes]
    return {
        "losses": torch.tensor([step.loss for step in steps], dtype=torch.float64),
        "rates": torch.tensor([step.rates for step in steps], dtype=torch.float64),
        "epoch_steps": torch.tensor([len(epoch.steps) for epoch in epochs], dtype=torch.int64),
        "scores": torch.tensor(scores, dtype=torch.float64).view(len(epochs), 3),
    }


def _recorded(state: Tensors) -> tuple[list[Step], list[Epoch]]:
    """The reverse of `_records`."""
    lines = zip(state["rates"].tolist(), state["losses"].tolist(), strict=True)
    steps = [Step(number, tuple(rates), loss) for number, (rates, loss) in enumerate(lines)]
    epochs: list[Epoch] = []
    lengths, scores = state["epoch_steps"].tolist(), state["scores"].tolist()
    rest = iter(steps)
    for number, (length, score) in enumerate(zip(lengths, scores, strict=True)):
        own = tuple(next(rest) for _ in range(length))
        epochs.append(Epoch(number, own, None if math.isnan(score[0]) else Score(*score)))
    return steps, epochs
