"""Training of a new head on cached activations, with restarts each epoch (paper, section 2.3)."""

from collections.abc import Sequence
from itertools import islice

from torch import nn

from lradapt.compute.engine import Engine, seeded
from lradapt.networks.architectures import LayerGroup
from lradapt.training.epochs import train_epochs
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import Examples, steps_per_epoch
from lradapt.training.loop import Epoch, sgd
from lradapt.training.param_groups import build_param_groups
from lradapt.training.resume import Course
from lradapt.training.schedules import cosine_cycles

HEAD = (LayerGroup(name="head", pattern=""),)
_WEIGHTS = 3  # purpose of random numbers


def new_head(num_features: int, num_classes: int, *, seed: int) -> nn.Linear:
    """A linear layer with random weights that depend on the seed alone."""
    with seeded(seed, _WEIGHTS):
        return nn.Linear(num_features, num_classes)


def train_head(
    head: nn.Module,
    training: Examples,
    validation: Examples,
    engine: Engine,
    *,
    max_lr: float,
    batch_size: int,
    momentum: float,
    l2: float,
    max_epochs: int,
    patience_epochs: int,
    min_gain: float,
    seed: int,
    balance: Balance = NO_BALANCE,
    course: Course | None = None,
) -> list[Epoch]:
    """Train `head` in place, the rate falling from `max_lr` to zero within each epoch.

    Stops when the accuracy on the validation split has settled, at the latest after `max_epochs`;
    without a validation split it goes on to `max_epochs`. Goes on from the last checkpoint of
    `course`, and leaves its own there.

    Raises:
        TrainingError: a loss is not finite, on either side.
    """
    num_steps = steps_per_epoch(len(training.labels), batch_size)
    optimizer = sgd(build_param_groups(head, HEAD, [max_lr]), momentum=momentum, l2=l2)
    course = course or Course()
    done: list[Epoch] = []
    with course.training(head, optimizer):
        epochs = train_epochs(
            head,
            training,
            validation,
            optimizer,
            engine,
            schedule=cosine_cycles([num_steps] * max_epochs),
            num_epochs=max_epochs,
            batch_size=batch_size,
            seed=seed,
            balance=balance,
            course=course,
        )
        for epoch in islice(epochs, max_epochs):
            done.append(epoch)
            accuracies = [epoch.validation.accuracy for epoch in done if epoch.validation]
            if has_settled(accuracies, patience_epochs=patience_epochs, min_gain=min_gain):
                break
    return done


def has_settled(accuracies: Sequence[float], *, patience_epochs: int, min_gain: float) -> bool:
    """Whether the last `patience_epochs` gained less than `min_gain` over the best before them."""
    before, recent = accuracies[:-patience_epochs], accuracies[-patience_epochs:]
    return bool(before) and max(recent) < max(before) + min_gain
