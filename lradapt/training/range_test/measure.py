"""LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2): measuring the sweeps.

A sweep trains a copy of the model for a few steps at rates that rise in equal ratios, beside a copy
that is not trained, the baseline. Reading a rate off the curve is
`lradapt.training.range_test.suggestion`; drawing is `lradapt.plots`.
"""

import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, tee

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lradapt.compute.engine import Engine
from lradapt.errors import LayersError, TrainingError
from lradapt.runtime.progress import tracked
from lradapt.training.imbalance import NO_BALANCE, Balance, Loss
from lradapt.training.inputs.batches import (
    Batch,
    Examples,
    seeded_layers,
    training_batches,
)
from lradapt.training.loop import train_steps
from lradapt.training.range_test.curve import Sweep, make_sweep, mean_sweep
from lradapt.training.range_test.divergence import divergence
from lradapt.training.range_test.rise import MOST
from lradapt.training.range_test.suggestion import RULE_NAMES, Suggestion, suggest
from lradapt.training.records import Step
from lradapt.training.schedules import geometric


@dataclass(frozen=True, slots=True)
class RangeTest:
    """The result of a range test.

    Attributes:
        sweeps: at least one.
        rates: of the optimizer's groups before the test; only their ratios count.
        rule: by which a rate is read off the curve.
    """

    sweeps: tuple[Sweep, ...]
    rates: tuple[float, ...]
    rule: str

    @property
    def curve(self) -> Sweep:
        """The mean of the sweeps: rates of the last group, losses, and the smoothed curve."""
        return mean_sweep(self.sweeps)

    @property
    def suggestion(self) -> Suggestion:
        """The peak rate of the last group, and the lowest and highest that one sweep suggests.

        Raises:
            TrainingError: nothing can be read off the curve; says why, and what to change.
        """
        return suggest(self.sweeps, self.rule)

    def apply_to(self, optimizer: Optimizer) -> None:
        """Set the rates of its groups: the last to the suggestion, the others in their ratio.

        Raises:
            TrainingError: see `suggestion`.
        """
        rates = scaled(self.rates, self.suggestion.rate)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
            if "initial_lr" in group:  # of an earlier scheduler; the next one would begin with it
                group["initial_lr"] = rate


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRecipe:
    """How the sweeps of a stage are measured.

    Attributes:
        start_lr, end_lr: the first and the last rate, of the last group.
        num_steps: steps of a whole sweep.
        num_sweeps: sweeps, each with its own seed.
        batch_size: images of a step.
        momentum, l2: of the optimizer.
    """

    start_lr: float
    end_lr: float
    num_steps: int
    num_sweeps: int
    batch_size: int
    momentum: float
    l2: float


def range_test(
    model: nn.Module,
    batches: Iterable[Batch],
    optimizer: Optimizer,
    *,
    loss: Loss = F.cross_entropy,
    start_lr: float = 1e-5,
    end_lr: float = 10.0,
    num_steps: int = 100,
    num_sweeps: int = 1,
    rule: str = "edge",
    engine: Engine | None = None,
    following_steps: int = 0,
) -> RangeTest:
    """Train a copy of `model` at rising rates, beside one that is not trained, until it diverges.

    Model, optimizer and random state stay as they are. Batches are moved to the model's device.

    Args:
        model: in train or eval mode, as it is to be trained.
        batches: of inputs and labels, such as a DataLoader; repeated where they are fewer than the
            steps.
        optimizer: of the model's parameters, as it is to train them. The rates tried are the last
            group's; the others keep their ratio to it.
        loss: of the model's output and the labels, as in the training.
        start_lr: rate of the first step.
        end_lr: rate of the last step.
        num_steps: steps of a sweep.
        num_sweeps: sweeps, one after the other on further batches. Their mean is less noisy.
        rule: by which the rate is read off: edge, steepest, valley, slide, minimum or rise.
        engine: device and precision; by default the device of the model, in fp32.
        following_steps: steps of the caller's later range tests, for the progress display alone.

    Raises:
        LayersError: the optimizer's parameters are not the model's, or its last rate is zero.
        TrainingError: there are no batches, or too few that cannot be repeated; or the loss is not
            finite before any training.
        ValueError: an unknown rule, no sweep, or rates and steps that make none.
    """
    if rule not in RULE_NAMES:
        raise ValueError(f"no rule {rule!r}; expected one of {', '.join(RULE_NAMES)}")
    if num_sweeps < 1:
        raise ValueError(f"num_sweeps is {num_sweeps}; expected 1 or more")
    _require_own(model, optimizer)
    rates = tuple(float(group["lr"]) for group in optimizer.param_groups)
    engine = engine or Engine(next(model.parameters()).device, "fp32")
    schedule = geometric(start=start_lr, end=end_lr, num_steps=num_steps)
    endless = _endless(batches, engine.device)
    sweeps = []
    with _kept_random_state(engine):
        for number in range(num_sweeps):
            # Copied together, so that the parameters of the one are still those of the other.
            trial, trial_optimizer = copy.deepcopy((model, optimizer))
            peaks = scaled(rates, end_lr)
            for group, peak in zip(trial_optimizer.param_groups, peaks, strict=True):
                group["lr"] = group["initial_lr"] = peak
            own, again = tee(islice(endless, num_steps))
            scheduler = LambdaLR(trial_optimizer, schedule)
            steps = train_steps(trial, own, trial_optimizer, scheduler, engine, loss=loss)
            baseline = _losses(copy.deepcopy(model), again, engine, loss)
            following = following_steps + num_steps * (num_sweeps - number - 1)
            sweeps.append(_sweep(zip(steps, baseline, strict=False), num_steps, following))
    return RangeTest(tuple(sweeps), rates, rule)


def seeded_sweeps(
    model_of: Callable[[int], nn.Module],
    training: Examples,
    make_optimizer: Callable[[nn.Module], Optimizer],
    engine: Engine,
    recipe: SweepRecipe,
    *,
    seed: int,
    balance: Balance = NO_BALANCE,
) -> list[Sweep]:
    """Run a `range_test` of one sweep for each of the seeds `seed`, `seed + 1`, ..."""
    sweeps: list[Sweep] = []
    for number in range(recipe.num_sweeps):
        model = model_of(seed + number)
        batches = training_batches(
            training, batch_size=recipe.batch_size, seed=seed + number, order=balance.order
        )
        found = range_test(
            model,
            seeded_layers(batches, seed + number, 0, 0),
            make_optimizer(model),
            loss=balance.loss,
            start_lr=recipe.start_lr,
            end_lr=recipe.end_lr,
            num_steps=recipe.num_steps,
            engine=engine,
            following_steps=recipe.num_steps * (recipe.num_sweeps - number - 1),
        )
        sweeps.extend(found.sweeps)
    return sweeps


def scaled(rates: Sequence[float], last: float) -> list[float]:
    """Return `rates` in their ratios, such that the last is `last`."""
    return [rate * last / rates[-1] for rate in rates]


def _require_own(model: nn.Module, optimizer: Optimizer) -> None:
    own = {id(parameter) for parameter in model.parameters()}
    used = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    foreign = sum(id(parameter) not in own for parameter in used)
    if foreign:
        raise LayersError(
            f"{foreign} of the optimizer's {len(used)} parameters are not the model's; make the "
            "optimizer from the parameters of the model that is to be tested"
        )
    last = float(optimizer.param_groups[-1]["lr"])
    if not last > 0:
        raise LayersError(
            f"the last group of the optimizer has the rate {last:g}, to which the others have no "
            "ratio; set any rate above zero"
        )


def _endless(batches: Iterable[Batch], device: torch.device) -> Iterator[Batch]:
    while True:
        empty = True
        for inputs, labels in batches:
            empty = False
            yield inputs.to(device), labels.to(device)
        if empty:
            raise TrainingError(
                "there are no batches, or no more of them; give batches that can be repeated, such "
                "as a DataLoader or a list, or as many as num_steps times num_sweeps"
            )


def _losses(
    model: nn.Module, batches: Iterable[Batch], engine: Engine, loss: Loss
) -> Iterator[float]:
    """Yield the loss of `model`, which is not trained, on each batch."""
    for inputs, labels in batches:
        with torch.no_grad(), engine.autocast():
            value = loss(model(inputs), labels).item()
        yield value  # outside the block, else the caller would compute without gradients


@contextmanager
def _kept_random_state(engine: Engine) -> Iterator[None]:
    """Restore the random state after a block: a model may hold dropout, a DataLoader shuffles.

    One block for all sweeps, else each would draw the same numbers and see the same batches.
    """
    gpus = [engine.device] if engine.device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        yield


def _sweep(steps: Iterable[tuple[Step, float]], num_steps: int, following: int) -> Sweep:
    """Run a sweep and show its progress."""
    shown = tracked(steps, "range test", total=num_steps, unit="steps", following=following)
    with shown as counted:
        return _sweep_until_diverged(counted)


def _sweep_until_diverged(steps: Iterable[tuple[Step, float]]) -> Sweep:
    """Return the sweep of `steps` with their baseline losses, up to the step that diverged.

    A loss of the trained copy that is not finite counts as `MOST` nats above all others.
    """
    rates: list[float] = []
    losses: list[float] = []
    baseline, diverged = [], divergence()
    for step, baseline_loss in steps:
        if not math.isfinite(baseline_loss):
            break
        loss = step.loss if math.isfinite(step.loss) else max(baseline_loss, *losses, 0.0) + MOST
        rates.append(step.rates[-1])
        losses.append(loss)
        baseline.append(baseline_loss)
        if not math.isfinite(step.loss) or diverged(loss, baseline_loss):
            break
    if not rates:
        raise TrainingError(
            "the loss of the first batch is not finite before any training; check the pixels and "
            "the weights, or compute in fp32 (params.yaml: engine.precision)"
        )
    return make_sweep(rates, losses, baseline)
