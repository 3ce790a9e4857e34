"""Training of a new head on cached activations, with restarts each epoch (paper, section 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from torch import nn

from lradapt.compute.engine import Engine, seeded
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.layers import layer_groups
from lradapt.training.loop import OnEpoch, log_epoch, train_epochs
from lradapt.training.optimizers import OptimizerName
from lradapt.training.records import Epoch
from lradapt.training.run import TrainingRun

_WEIGHTS = 3  # purpose of random numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecipe:
    """How a head is trained.

    Attributes:
        batch_size: images of a step.
        momentum, l2: of SGD.
        max_epochs: the rate restarts at each epoch; the training ends after the last.
        patience_epochs: epochs without a gain after which the training ends.
        min_gain: least rise of the validation accuracy that counts as a gain.
        optimizer: the paper's.
    """

    batch_size: int
    momentum: float
    l2: float
    max_epochs: int
    patience_epochs: int
    min_gain: float
    optimizer: OptimizerName = "sgd"

    @property
    def cycle_epochs(self) -> list[int]:
        """The length of each cycle."""
        return [1] * self.max_epochs


def new_head(num_features: int, num_classes: int, *, seed: int) -> nn.Linear:
    """Return a linear layer with random weights that depend on the seed alone."""
    with seeded(seed, _WEIGHTS):
        return nn.Linear(num_features, num_classes)


def train_head(
    head: nn.Module,
    training: Examples,
    validation: Examples,
    engine: Engine,
    recipe: HeadRecipe,
    *,
    max_lr: float,
    seed: int,
    balance: Balance = NO_BALANCE,
    run: TrainingRun | None = None,
    on_epoch: OnEpoch = log_epoch,
) -> list[Epoch]:
    """Train `head` in place, the rate falling from `max_lr` to zero within each epoch.

    Stops when the accuracy on the validation split has settled, at the latest after
    `recipe.max_epochs`; without a validation split it runs all of them. Resumes from the last
    checkpoint of `run`, and writes new ones there.

    Raises:
        DivergedError: a loss, a score or a weight is not finite.
    """
    done: list[Epoch] = []
    with train_epochs(
        head,
        layer_groups(head, {"": max_lr}),
        training,
        validation,
        engine,
        recipe,
        seed=seed,
        balance=balance,
        run=run or TrainingRun(),
        on_epoch=on_epoch,
    ) as epochs:
        for epoch in islice(epochs, recipe.max_epochs):
            done.append(epoch)
            accuracies = [epoch.validation.accuracy for epoch in done if epoch.validation]
            if has_settled(
                accuracies, patience_epochs=recipe.patience_epochs, min_gain=recipe.min_gain
            ):
                break
    return done


def has_settled(accuracies: Sequence[float], *, patience_epochs: int, min_gain: float) -> bool:
    """Return whether the last `patience_epochs` gained less than `min_gain` over those before."""
    before, recent = accuracies[:-patience_epochs], accuracies[-patience_epochs:]
    return bool(before) and max(recent) < max(before) + min_gain
