"""LR range test (Smith 2017, arXiv:1506.01186; paper, section 2.2): measuring the sweeps.

A sweep trains a copy of the model for a few steps at rates that rise in equal ratios. Suggesting a
rate is `lradapt.training.range_test.suggestion`; drawing is `lradapt.plots`.
"""

import copy
import math
from collections.abc import Callable, Iterator
from itertools import islice, tee

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import Optimizer

from lradapt.compute.engine import Engine
from lradapt.runtime.progress import tracked
from lradapt.training.imbalance import NO_BALANCE, Balance, Loss
from lradapt.training.inputs.batches import Batch, Examples, training_batches
from lradapt.training.loop import train_steps
from lradapt.training.range_test.curve import Sweep, make_sweep
from lradapt.training.schedules import geometric

DIVERGED = 4.0
"""A sweep ends when the exponential mean of its losses is this many times its lowest."""
MEMORY = 0.9
"""Weight of the past in that mean, which lags and is therefore used for nothing else."""


def measure_sweeps(
    model_of: Callable[[int], nn.Module],
    training: Examples,
    make_optimizer: Callable[[nn.Module], Optimizer],
    engine: Engine,
    *,
    seed: int,
    num_sweeps: int,
    batch_size: int,
    start_lr: float,
    end_lr: float,
    num_steps: int,
    balance: Balance = NO_BALANCE,
) -> list[Sweep]:
    """Sweeps with seeds of their own: `seed`, `seed + 1`, ...; see `measure`.

    Args:
        model_of: the model for a seed.
        training: what it learns from.
        make_optimizer: as for `measure`.
        engine: where to compute.
        seed: of the first sweep.
        num_sweeps: how many.
        batch_size: images of a step.
        start_lr: rate of the first step.
        end_lr: rate of the last step.
        num_steps: steps of a whole sweep.
        balance: as it is to be trained.
    """
    return [
        measure(
            model_of(number),
            training_batches(training, batch_size=batch_size, seed=number, order=balance.order),
            make_optimizer,
            engine,
            start_lr=start_lr,
            end_lr=end_lr,
            num_steps=num_steps,
            loss=balance.loss,
            following_steps=num_steps * (seed + num_sweeps - number - 1),
        )
        for number in range(seed, seed + num_sweeps)
    ]


def measure(
    model: nn.Module,
    batches: Iterator[Batch],
    make_optimizer: Callable[[nn.Module], Optimizer],
    engine: Engine,
    *,
    start_lr: float,
    end_lr: float,
    num_steps: int,
    loss: Loss = F.cross_entropy,
    following_steps: int = 0,
) -> Sweep:
    """Train a copy of `model` at rising rates until the loss diverges; `model` stays as it is.

    Args:
        model: in train or eval mode, as it is to be trained.
        batches: at least `num_steps`.
        make_optimizer: for the copy, with groups made by `build_param_groups`; the rates are
            those of the last group.
        engine: where to compute.
        start_lr: rate of the first step.
        end_lr: rate of the last step; the peak rate of the last group.
        num_steps: steps of the whole sweep.
        loss: as it is to be trained.
        following_steps: of the sweeps after this one; they are told, and nothing else.
    """
    trial = copy.deepcopy(model)
    return sweep(
        trial,
        make_optimizer(trial),
        copy.deepcopy(model),
        batches,
        engine,
        start_lr=start_lr,
        end_lr=end_lr,
        num_steps=num_steps,
        loss=loss,
        following_steps=following_steps,
    )


def sweep(
    trial: nn.Module,
    optimizer: Optimizer,
    as_it_was: nn.Module,
    batches: Iterator[Batch],
    engine: Engine,
    *,
    start_lr: float,
    end_lr: float,
    num_steps: int,
    loss: Loss = F.cross_entropy,
    following_steps: int = 0,
) -> Sweep:
    """Train `trial` in place at rising rates until the loss diverges, beside a copy that is not.

    Args:
        trial: in train or eval mode, as it is to be trained.
        optimizer: of `trial`, with groups as `build_param_groups` makes them; see `measure`.
        as_it_was: another copy, in the same mode.
        batches: at least `num_steps`.
        engine: where to compute.
        start_lr: rate of the first step.
        end_lr: rate of the last step; the peak rate of the last group.
        num_steps: steps of the whole sweep.
        loss: as it is to be trained.
        following_steps: of the sweeps after this one; they are told, and nothing else.
    """
    schedule = geometric(start=start_lr, end=end_lr, num_steps=num_steps)
    ours, theirs = tee(islice(batches, num_steps))
    steps = train_steps(trial, ours, optimizer, schedule, engine, loss=loss)
    rates, losses, untouched, diverged = [], [], [], _divergence()
    pairs = zip(steps, theirs, strict=False)
    gpus = [engine.device] if engine.device.type == "cuda" else []
    with (
        torch.random.fork_rng(gpus),  # a model may hold dropout
        tracked(
            pairs, "range test", total=num_steps, unit="steps", following=following_steps
        ) as shown,
    ):
        for step, batch in shown:
            of_untouched = _loss_of(as_it_was, batch, engine, loss)
            if not math.isfinite(step.loss) or not math.isfinite(of_untouched):
                break
            rates.append(step.rates[-1])
            losses.append(step.loss)
            untouched.append(of_untouched)
            if diverged(step.loss):
                break
    return make_sweep(rates, losses, untouched)


def _divergence() -> Callable[[float], bool]:
    """A function of each loss in turn: whether the sweep has diverged by it."""
    mean, count, lowest = 0.0, 0, math.inf

    def diverged(loss: float) -> bool:
        nonlocal mean, count, lowest
        mean, count = MEMORY * mean + (1 - MEMORY) * loss, count + 1
        corrected = mean / (1 - MEMORY**count)
        lowest = min(lowest, corrected)
        return corrected > DIVERGED * lowest

    return diverged


def _loss_of(model: nn.Module, batch: Batch, engine: Engine, loss: Loss) -> float:
    inputs, labels = batch
    with torch.no_grad(), engine.autocast():
        return loss(model(inputs), labels).item()
