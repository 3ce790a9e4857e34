"""Training of all layers: three rates by depth, growing cosine cycles (paper, section 2.4)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.optim import Optimizer

from lradapt.compute.engine import Engine
from lradapt.networks.architectures import LayerGroup
from lradapt.training.epochs import train_epochs
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import Examples, steps_per_epoch
from lradapt.training.loop import Epoch, require_validation, sgd
from lradapt.training.param_groups import build_param_groups
from lradapt.training.resume import Course
from lradapt.training.schedules import cosine_cycles, growing_cycles

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Cycle:
    """One cosine cycle.

    Attributes:
        epochs: at least one; the last has the score of `weights` on the validation split.
        weights: of the whole network at the end of the cycle, where its rates are near zero.
    """

    epochs: tuple[Epoch, ...]
    weights: Weights


def depth_sgd(
    model: nn.Module,
    groups: Sequence[LayerGroup],
    max_lrs: Sequence[float],
    *,
    momentum: float,
    l2: float,
) -> Optimizer:
    """SGD with a peak rate for each depth."""
    return sgd(build_param_groups(model, groups, max_lrs), momentum=momentum, l2=l2)


def finetune(
    model: nn.Module,
    training: Examples,
    validation: Examples,
    engine: Engine,
    *,
    groups: Sequence[LayerGroup],
    max_lrs: Sequence[float],
    batch_size: int,
    momentum: float,
    l2: float,
    num_cycles: int,
    first_cycle_epochs: int,
    cycle_growth: int,
    seed: int,
    target_accuracy: float | None = None,
    balance: Balance = NO_BALANCE,
    course: Course | None = None,
) -> Iterator[Cycle]:
    """Train every layer of `model` in place, a cycle for each that the caller asks for.

    Within a cycle all rates fall together from their peaks to zero; the cycles last 1, 2, 4, ...
    epochs (with `first_cycle_epochs` 1 and `cycle_growth` 2). Where `target_accuracy` is given, the
    epoch that reaches it on the validation split is the last, and its cycle ends with it. Goes on
    from the last checkpoint of `course`, and leaves its own there. Where `engine` has several
    processes, each of them calls this with all images.

    Raises:
        TrainingError: a loss is not finite, on either side; a target is given without a validation
            split; or there are more processes than images in a batch.
    """
    if target_accuracy is not None:
        require_validation(validation, "finetune.target_accuracy")
    num_steps = steps_per_epoch(len(training.labels), batch_size)
    cycles = growing_cycles(first=first_cycle_epochs, growth=cycle_growth, count=num_cycles)
    optimizer = depth_sgd(model, groups, max_lrs, momentum=momentum, l2=l2)
    engine.place(model).train()
    course = course or Course(processes=engine.processes)
    with course.training(model, optimizer):
        epochs = train_epochs(
            model,
            training,
            validation,
            optimizer,
            engine,
            schedule=cosine_cycles([num_steps * epochs for epochs in cycles]),
            num_epochs=sum(cycles),
            batch_size=batch_size,
            seed=seed,
            balance=balance,
            course=course,
        )
        for number, num_epochs in enumerate(cycles):
            done = tuple(_up_to_target(epochs, num_epochs, target_accuracy))
            yield Cycle(done, course.end_cycle(number, snapshot(model)))
            if reached(done[-1], target_accuracy):
                return


def reached(epoch: Epoch, target_accuracy: float | None) -> bool:
    """Whether the epoch ended with the accuracy asked for on the validation split."""
    return (
        target_accuracy is not None
        and epoch.validation is not None
        and epoch.validation.accuracy >= target_accuracy
    )


def snapshot(model: nn.Module) -> Weights:
    """A copy of the weights as they are, BatchNorm's statistics included."""
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def _up_to_target(
    epochs: Iterator[Epoch], num_epochs: int, target_accuracy: float | None
) -> Iterator[Epoch]:
    for _ in range(num_epochs):
        epoch = next(epochs)
        yield epoch
        if reached(epoch, target_accuracy):
            return
