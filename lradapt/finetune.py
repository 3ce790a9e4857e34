"""Training of all layers: three rates by depth, growing cosine cycles (paper, section 2.4)."""

from collections.abc import Sequence
from itertools import islice

import torch
from torch import nn
from torch.optim import Optimizer

from lradapt.architectures import LayerGroup
from lradapt.batches import Examples, steps_per_epoch, training_batches
from lradapt.engine import Engine
from lradapt.param_groups import build_param_groups
from lradapt.schedules import cosine_cycles, growing_cycles
from lradapt.train import Epoch, finite, run_epochs, sgd, train_steps


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
    tune: Examples,
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
) -> list[Epoch]:
    """Train every layer of `model` in place.

    Within a cycle all rates fall together from their peaks to zero; the cycles last 1, 2, 4, ...
    epochs (with `first_cycle_epochs` 1 and `cycle_growth` 2).

    Raises:
        TrainingError: the loss is not finite.
    """
    num_steps = steps_per_epoch(len(training.labels), batch_size)
    cycles = growing_cycles(first=first_cycle_epochs, growth=cycle_growth, count=num_cycles)
    optimizer = depth_sgd(model, groups, max_lrs, momentum=momentum, l2=l2)
    batches = training_batches(training, batch_size=batch_size, seed=seed)
    schedule = cosine_cycles([num_steps * epochs for epochs in cycles])
    model.to(engine.device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    steps = finite(train_steps(model, batches, optimizer, schedule, engine))
    return list(islice(run_epochs(model, steps, num_steps, tune, engine), sum(cycles)))
