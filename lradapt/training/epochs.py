"""The epochs of a course: one training loop, whatever layers draw, in one process or in several."""

from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lradapt.compute.engine import Engine, generator
from lradapt.compute.processes import Processes
from lradapt.errors import TrainingError
from lradapt.training.imbalance import Balance, Loss
from lradapt.training.inputs.batches import Batch, Examples, steps_per_epoch, training_batches
from lradapt.training.loop import Epoch, Step, finite, run_epochs, train_steps
from lradapt.training.resume import Course
from lradapt.training.schedules import Schedule

_DROPOUT = 4  # purpose of random numbers


def train_epochs(
    model: nn.Module,
    training: Examples,
    validation: Examples,
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
        validation,
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
