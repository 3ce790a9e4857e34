"""Conventional training: a fixed rate until early stopping, then a lower one (paper, section 2.1).

The arm that the scheme is compared with. It shares the loop, the batches and the precision with it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from benchmarks.settings import ConventionalSettings
from lradapt.compute.engine import Engine
from lradapt.training.finetune import reached
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import Examples, steps_per_epoch, training_batches
from lradapt.training.loop import OnEpoch, finite, log_epoch, run_epochs, train_steps
from lradapt.training.records import Epoch, snapshot
from lradapt.training.scoring import Score, require_validation, score

_ROUNDING = 1e-9  # of sums of accuracies: a rise by just `min_gain` counts
Stopped = Literal["patience", "ceiling", "target"]


@dataclass(frozen=True, slots=True)
class Leg:
    """Training at one rate, from the first epoch to early stopping.

    Attributes:
        rate: fixed throughout.
        epochs: as run, at least one.
        best: the score on the validation split of the weights that were restored.
        stopped: by the patience, by the ceiling of epochs, or at the target.
    """

    rate: float
    epochs: tuple[Epoch, ...]
    best: Score
    stopped: Stopped


def train_at(
    rate: float,
    model: nn.Module,
    training: Examples,
    validation: Examples,
    engine: Engine,
    settings: ConventionalSettings,
    *,
    seed: int,
    first_epoch: int = 0,
    balance: Balance = NO_BALANCE,
    on_epoch: OnEpoch = log_epoch,
) -> Leg:
    """Train every layer at a fixed rate until early stopping, and restore the best weights.

    The best are those of the highest accuracy on the validation split; where no epoch is better
    than the weights at the start, those are kept. To resume with another rate, call again with the
    same model and `first_epoch` set to the number of epochs done: images and views are then drawn
    as in one run.

    Args:
        rate: of every layer.
        model: trained in place.
        training: the training images.
        validation: decides when to stop; must not be empty.
        engine: where to compute.
        settings: of SGD and of early stopping.
        seed: of the order of images and their views.
        first_epoch: number of epochs of earlier legs.
        balance: how unbalanced classes are treated.
        on_epoch: called after each epoch.

    Raises:
        TrainingError: a loss is not finite, or the validation split is empty.
    """
    require_validation(validation, "early stopping")
    num_steps = steps_per_epoch(len(training.labels), settings.batch_size)
    first_step = first_epoch * num_steps
    engine.place(model).train()
    optimizer = torch.optim.SGD(
        model.parameters(), lr=rate, momentum=settings.momentum, weight_decay=settings.l2
    )
    batches = training_batches(
        training,
        batch_size=settings.batch_size,
        seed=seed,
        order=balance.order,
        first_step=first_step,
    )
    steps = train_steps(
        model, batches, optimizer, None, engine, loss=balance.loss, first_step=first_step
    )
    epochs = run_epochs(
        model,
        finite(steps),
        num_steps,
        validation,
        engine,
        first_epoch=first_epoch,
        on_epoch=on_epoch,
    )
    start = score(model, validation, engine, when=f"before training at {rate:g}")
    return _stop_early(rate, model, epochs, start, settings)


def _stop_early(
    rate: float,
    model: nn.Module,
    epochs: Iterable[Epoch],
    start: Score,
    settings: ConventionalSettings,
) -> Leg:
    best, weights = start, snapshot(model)
    to_beat, without_gain = start.accuracy, 0
    done: list[Epoch] = []
    stopped: Stopped = "ceiling"
    for epoch in epochs:
        assert epoch.validation is not None, "early stopping without a validation split"
        done.append(epoch)
        if epoch.validation.accuracy > best.accuracy:
            best, weights = epoch.validation, snapshot(model)
        gained = epoch.validation.accuracy > max(to_beat, to_beat + settings.min_gain - _ROUNDING)
        to_beat = epoch.validation.accuracy if gained else to_beat
        without_gain = 0 if gained else without_gain + 1
        if reached(epoch, settings.target_accuracy):
            stopped = "target"
        elif without_gain >= settings.patience_epochs:
            stopped = "patience"
        elif len(done) < settings.max_epochs:
            continue
        break
    model.load_state_dict(weights)
    return Leg(rate, tuple(done), best, stopped)
