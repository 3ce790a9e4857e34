"""Fine-tuning: a rate for each depth, growing cosine cycles (paper, section 2.4)."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from lradapt.compute.engine import Engine
from lradapt.networks.architectures import LayerGroup
from lradapt.training.imbalance import NO_BALANCE, Balance
from lradapt.training.inputs.batches import Examples
from lradapt.training.layers import layer_groups
from lradapt.training.loop import OnEpoch, log_epoch, train_cycles, train_epochs
from lradapt.training.modes import freeze, train_mode
from lradapt.training.optimizers import OptimizerName
from lradapt.training.records import Cycle, Epoch
from lradapt.training.run import TrainingRun
from lradapt.training.schedules import growing_cycles
from lradapt.training.scoring import Criterion, Score, require_validation

FIRST_MAY_LOSE = 0.1
"""A first cycle that is short and has high rates may lose a tenth of the loss or of the balanced
accuracy: on HAM10000 a longer one won it back, and more; on solar cells the first lost a fifth, and
none won it back (docs/log.md). A standard error of the loss comes on top: with a hundred images to
validate on, chance alone makes a fifth."""
LOWER_RATES_MAY_LOSE = 0.2
"""A first cycle that lost more than a fifth is not tried again with lower rates: on solar cells a
third of them lost half as much or more, which is again more than a tenth (docs/log.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinetuneRecipe:
    """How the layers are trained.

    Attributes:
        batch_size: images of a step, over all processes.
        momentum, l2: of the optimizer.
        num_cycles: the rates restart at each cycle.
        first_cycle_epochs: length of the first cycle.
        cycle_growth: length of a cycle over the one before it.
        target_accuracy: the training ends with the epoch that reaches it on the validation split.
        optimizer: "sgd" or "adamw".
        batchnorm: "batch": it normalises by each batch, and averages the statistics. "frozen": by
            those of the pre-training.
        choose_by: what the better weights have more of: see `Score.rank`.
        stop: "never", or "no_gain": see `was_worth_it`.
    """

    batch_size: int
    momentum: float
    l2: float
    num_cycles: int
    first_cycle_epochs: int
    cycle_growth: int
    target_accuracy: float | None = None
    optimizer: OptimizerName = "sgd"
    batchnorm: Literal["batch", "frozen"] = "batch"
    choose_by: Criterion = "balanced_accuracy"
    stop: Literal["never", "no_gain"] = "never"

    @property
    def cycle_epochs(self) -> list[int]:
        """The length of each cycle."""
        return growing_cycles(
            first=self.first_cycle_epochs, growth=self.cycle_growth, count=self.num_cycles
        )


def finetune(
    model: nn.Module,
    training: Examples,
    validation: Examples,
    engine: Engine,
    recipe: FinetuneRecipe,
    *,
    layers: Sequence[LayerGroup],
    max_lrs: Sequence[float],
    seed: int,
    balance: Balance = NO_BALANCE,
    run: TrainingRun | None = None,
    on_epoch: OnEpoch = log_epoch,
) -> Generator[Cycle]:
    """Train the layers of `model` in place, one cycle for each that the caller asks for.

    Within a cycle the rates of all `layers` fall together from their peaks, `max_lrs`, nearly
    to zero. Layers with a rate of zero are frozen.
    Resumes from the last checkpoint of `run`, and writes new ones there. Where `engine` has several
    processes, each of them calls this with all images.

    Raises:
        DivergedError: a loss, a score or a weight is not finite.
        TrainingError: a target accuracy is given without a validation split; or there are more
            processes than images in a batch.
    """
    if recipe.target_accuracy is not None:
        require_validation(validation, "finetune.target_accuracy")
    train_mode(engine.place(model), batchnorm_frozen=recipe.batchnorm == "frozen")
    freeze(model, max_lrs, layers)
    run = run or TrainingRun(processes=engine.processes)
    with train_epochs(
        model,
        layer_groups(model, max_lrs, layers=layers),
        training,
        validation,
        engine,
        recipe,
        seed=seed,
        balance=balance,
        run=run,
        on_epoch=on_epoch,
    ) as epochs:
        yield from train_cycles(
            model,
            epochs,
            recipe.cycle_epochs,
            run,
            is_last=lambda epoch: reached(epoch, recipe.target_accuracy),
        )


def reached(epoch: Epoch, target_accuracy: float | None) -> bool:
    """Return whether the epoch ended with the target accuracy on the validation split."""
    return (
        target_accuracy is not None
        and epoch.validation is not None
        and epoch.validation.accuracy >= target_accuracy
    )


def lowered(rates: Mapping[str, float], times: int) -> dict[str, float]:
    """Return the rates by layer after they were lowered a number of times, to a third each time.

    A range test shows where a rate begins to harm; only whole epochs show whether it gains
    (docs/log.md). So where the first cycle lost a tenth to a fifth, or diverged, the training
    begins again with lower rates.
    """
    return {layer: rate / 3**times for layer, rate in rates.items()}


def was_worth_it(before: Score | None, cycles: Sequence[Cycle], by: Criterion) -> bool:
    """Return whether the last cycle gained anything, so that a longer one may, too.

    A gain is a better score on the validation split than at the end of every earlier cycle and
    before the first. The first cycle may also lose a little. Without a validation split every cycle
    counts as a gain.
    """
    scores = [before, *(cycle.epochs[-1].validation for cycle in cycles)]
    if not all(scores):
        return True
    *earlier, last = (score for score in scores if score)
    if len(earlier) == 1 and _lost_at_most(FIRST_MAY_LOSE, earlier[0], last, by):
        return True
    return last.rank(by) > max(score.rank(by) for score in earlier)


def lower_rates_may_gain(before: Score | None, first: Cycle, by: Criterion) -> bool:
    """Return whether a first cycle that was not worth it lost so little that lower rates may gain.

    Without a validation split nobody knows, and they may.
    """
    after = first.epochs[-1].validation
    if not before or not after:
        return True
    return _lost_at_most(LOWER_RATES_MAY_LOSE, before, after, by)


def _lost_at_most(share: float, before: Score, after: Score, by: Criterion) -> bool:
    if by == "loss":
        return after.tempered_loss <= (1 + share) * before.tempered_loss + before.loss_error
    return after.balanced_accuracy >= (1 - share) * before.balanced_accuracy
