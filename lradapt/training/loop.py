"""One training: batches -> loss -> step -> schedule -> epoch -> validation -> cycle.

`train_steps` takes the steps, `run_epochs` groups them into epochs and validates, `train_epochs`
puts both together with batches, optimizer and scheduler, and `train_cycles` copies the weights at
the end of each cycle. Head training and fine-tuning differ only in model, recipe and stopping; the
range test takes `train_steps` alone. `TrainingRun.steps` writes checkpoints between the steps.
"""

import logging
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count, islice
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from lradapt.compute.engine import Engine
from lradapt.compute.precision import require_exact_gradients
from lradapt.compute.processes import Processes
from lradapt.errors import DivergedError, TrainingError
from lradapt.runtime.progress import tracked
from lradapt.training.imbalance import Balance, Loss, loss_of_part
from lradapt.training.inputs.batches import (
    Batch,
    Examples,
    seeded_layers,
    steps_per_epoch,
    training_batches,
)
from lradapt.training.optimizers import OptimizerName, make_optimizer
from lradapt.training.records import Cycle, Epoch, Step, snapshot
from lradapt.training.run import TrainingRun
from lradapt.training.scoring import LOWER_RATES, validate
from lradapt.training.torch_scheduler import CosineCycles

log = logging.getLogger(__name__)

OnEpoch = Callable[[Epoch], None]
"""Called after each new epoch; not for the epochs before a checkpoint."""


class Recipe(Protocol):
    """The settings that every training has: the optimizer, and the epochs of each cosine cycle."""

    @property
    def optimizer(self) -> OptimizerName:
        """Of the steps."""
        ...

    @property
    def batch_size(self) -> int:
        """Images of a step."""
        ...

    @property
    def momentum(self) -> float:
        """Of SGD; of AdamW the memory of its mean gradient."""
        ...

    @property
    def l2(self) -> float:
        """The weight decay."""
        ...

    @property
    def cycle_epochs(self) -> Sequence[int]:
        """The length of each cycle."""
        ...


def log_epoch(epoch: Epoch) -> None:
    """Log the epoch's mean loss and its validation accuracy."""
    validation = epoch.validation
    accuracy = f", validation accuracy {validation.accuracy:.1%}" if validation else ""
    log.info("epoch %d: loss %.3f%s", epoch.number + 1, epoch.loss, accuracy)


def train_steps(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    scheduler: LRScheduler | None,
    engine: Engine,
    *,
    loss: Loss = F.cross_entropy,
    first_step: int = 0,
) -> Iterator[Step]:
    """Take one optimizer step for each batch that the caller asks for.

    The caller sets train or eval mode, stops, validates and records. A loss that is not finite is
    yielded like any other; see `finite`. Without a scheduler the rates stay as they are.

    Raises:
        TrainingError: bf16 would train this network wrongly, see `lradapt.compute.precision`.
    """
    for number, (inputs, labels) in enumerate(batches, start=first_step):
        if number == first_step:
            require_exact_gradients(model, inputs, engine)
        rates = tuple(group["lr"] for group in optimizer.param_groups)
        with engine.autocast():
            value = loss(model(inputs), labels)
        optimizer.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        torch.clear_autocast_cache()  # a caller's autocast block would reuse the old weights
        if scheduler is not None:
            scheduler.step()
        yield Step(number, rates, engine.processes.mean_loss(value))


def run_epochs(
    model: nn.Module,
    steps: Iterator[Step],
    num_steps: int,
    validation: Examples,
    engine: Engine,
    *,
    first_epoch: int = 0,
    num_epochs: int | None = None,
    on_epoch: OnEpoch = log_epoch,
) -> Iterator[Epoch]:
    """Group `steps` by `num_steps` into epochs, and score each on the validation split.

    `num_epochs` is the largest possible number, if known; only the progress display uses it.

    Raises:
        DivergedError: the score or, without a validation split, a weight is not finite; names the
            epoch, its highest rates and the remedy.
    """
    note = ""
    for number in count(first_epoch):
        following = num_steps * (num_epochs - number - 1) if num_epochs else 0
        with tracked(
            islice(steps, num_steps),
            f"epoch {number + 1}",
            total=num_steps,
            unit="steps",
            following=following,
            note=note,
        ) as shown:
            done = tuple(shown)
        when = f"after epoch {number + 1} with rates up to {_listed(highest_rates(done))}"
        epoch = Epoch(number, done, validate(model, validation, engine, when=when))
        on_epoch(epoch)
        note = f"accuracy {epoch.validation.accuracy:.1%}" if epoch.validation else ""
        yield epoch


@contextmanager
def train_epochs(
    model: nn.Module,
    groups: list[dict[str, Any]],
    training: Examples,
    validation: Examples,
    engine: Engine,
    recipe: Recipe,
    *,
    seed: int,
    balance: Balance,
    run: TrainingRun,
    on_epoch: OnEpoch,
) -> Iterator[Iterator[Epoch]]:
    """Yield the epochs of a training, from where `run` stands: SGD or AdamW in cosine cycles.

    The rates of `groups` fall from their peaks almost to zero in each cycle. Several processes take
    a part of every batch each; the losses are those of the whole batches.

    Raises:
        DivergedError: a loss, a score or a weight is not finite.
        TrainingError: there are more processes than images in a batch.
    """
    num_steps = steps_per_epoch(len(training.labels), recipe.batch_size)
    _require_parts(len(training.labels) // num_steps, engine.processes)
    optimizer = make_optimizer(
        recipe.optimizer, groups, momentum=recipe.momentum, weight_decay=recipe.l2
    )
    with run.training(model, optimizer):  # restores the last checkpoint
        first_step, cycle_steps = run.first_step, [num_steps * n for n in recipe.cycle_epochs]
        batches = training_batches(
            training,
            batch_size=recipe.batch_size,
            seed=seed,
            order=balance.order,
            first_step=first_step,
            processes=engine.processes,
        )
        steps = train_steps(
            engine.processes.distribute(model),
            seeded_layers(batches, seed, first_step, engine.processes.rank),
            optimizer,
            CosineCycles(optimizer, cycle_steps, first_step=first_step),
            engine,
            loss=loss_of_part(balance, engine.processes),
            first_step=first_step,
        )
        epochs = run_epochs(
            model,
            run.steps(finite(steps)),  # records them, and writes checkpoints
            num_steps,
            validation,
            engine,
            first_epoch=run.first_epoch,
            num_epochs=sum(recipe.cycle_epochs),
            on_epoch=on_epoch,
        )
        yield run.epochs(epochs)


def train_cycles(
    model: nn.Module,
    epochs: Iterator[Epoch],
    cycle_epochs: Sequence[int],
    run: TrainingRun,
    *,
    is_last: Callable[[Epoch], bool],
) -> Iterator[Cycle]:
    """Group `epochs` into cycles, and copy the weights at the end of each.

    The epoch for which `is_last` holds ends its cycle and the training.
    """
    for number, num_epochs in enumerate(cycle_epochs):
        done: list[Epoch] = []
        for epoch in islice(epochs, num_epochs):
            done.append(epoch)
            if is_last(epoch):
                break
        yield Cycle(tuple(done), run.end_cycle(number, snapshot(model)))
        if is_last(done[-1]):
            return


def finite(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield `steps` until a loss is not finite.

    Raises:
        DivergedError: a loss is NaN or infinite; names the step, the rates and the remedy.
    """
    for step in steps:
        if not math.isfinite(step.loss):
            raise DivergedError(
                f"the loss became {step.loss} at step {step.number} with rates "
                f"{_listed(step.rates)}; {LOWER_RATES}"
            )
        yield step


def highest_rates(steps: Sequence[Step]) -> list[float]:
    """Return the highest rate of each parameter group."""
    return [max(rates) for rates in zip(*(step.rates for step in steps), strict=True)]


def _require_parts(smallest: int, processes: Processes) -> None:
    if smallest < processes.size:
        raise TrainingError(
            f"a batch of {smallest} image(s) has none for each of {processes.size} processes; "
            "lower finetune.processes, or raise finetune.batch_size"
        )


def _listed(rates: Sequence[float]) -> str:
    return ", ".join(f"{rate:.3g}" for rate in rates)
