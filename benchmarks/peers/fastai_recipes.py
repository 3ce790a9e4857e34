"""The recipes of fastai: cycles of growing length under three rates, fit_one_cycle, fine_tune."""

import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback
from fastai.callback.training import BnFreeze
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.metrics import BalancedAccuracy, accuracy
from fastai.optimizer import Adam
from torch import nn

from benchmarks.clock import Clock, Point
from benchmarks.peers.fastai_vision import FINE_TUNE, as_documented, new_learner
from benchmarks.peers.loader import clean_loader, loader
from benchmarks.peers.networks import TwoParts
from benchmarks.peers.with_fastai import PYTORCH_SGD, body_and_head, restarts, silent
from lradapt.config.params import Params
from lradapt.training.inputs.batches import Examples
from lradapt.training.schedules import growing_cycles

PRINTED_RATES = (1e-4, 1e-3, 1e-2)
HEAD_EPOCHS, HEAD_RATE = 3, 1e-2
"""Before unfreezing, with a restart each epoch; each epoch is a forward pass of the whole body."""


class Scores(Callback):  # type: ignore[misc]
    """Records the validation accuracy and the clock after each epoch."""

    order = 60  # after the Recorder

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def after_epoch(self) -> None:
        """Record a point."""
        _, loss, accuracy, balanced_accuracy = self.learn.recorder.values[-1]
        points = self.clock.points
        scores = (accuracy, balanced_accuracy, loss)
        points.append(Point("fastai", len(points) + 1, self.clock.elapsed(), *scores))


def restarted_cycles(learner: Any, rates: tuple[float, ...]) -> None:
    """Train the head in cycles of one epoch, then all layers for 1 + 2 + 4 epochs at `rates`."""
    learner.freeze()
    learner.fit(HEAD_EPOCHS, lr=HEAD_RATE, cbs=restarts(HEAD_RATE, HEAD_EPOCHS))
    learner.unfreeze()
    learner.fit_sgdr(3, 1, lr_max=np.array(rates), cycle_mult=2)


def one_cycle(learner: Any) -> None:
    """Call `fit_one_cycle` with its defaults for all layers, for as many epochs."""
    learner.unfreeze()
    learner.fit_one_cycle(7)


RECIPES: Mapping[str, Callable[[Any], None]] = {
    "fastai fit_sgdr, printed rates": partial(restarted_cycles, rates=PRINTED_RATES),
    "fastai fit_sgdr, lradapt's rates": partial(restarted_cycles, rates=(0.1, 0.1, 0.1)),
    "fastai fit_one_cycle": one_cycle,
}
"""By the names in benchmarks.peers.recipe; `fit_sgdr` uses PyTorch's SGD, the others Adam."""


def train_by_vision_learner(
    program: str,
    body: nn.Module,
    num_classes: int,
    training: Examples,
    validation: Examples,
    params: Params,
) -> tuple[nn.Module, Clock]:
    """Train by one of `FINE_TUNE`, for as many epochs of all layers as ours has at most.

    Returns:
        The network, and the clock with a point for each epoch.
    """
    torch.manual_seed(params.seed)  # of the head and of the order of images
    clock, lengths = Clock(), params.finetune
    epochs = sum(
        growing_cycles(
            first=lengths.first_cycle_epochs,
            growth=lengths.cycle_growth,
            count=lengths.num_cycles,
        )
    )
    how = FINE_TUNE[program]
    with clock.phase("fastai"):
        learner = new_learner(
            params.model.network,
            body,
            [
                loader(training, lengths.batch_size, channels_last=True),
                clean_loader(validation, 512),
            ],
            num_classes,
            frozen_statistics=how.frozen_statistics,
        )
        as_documented(learner, epochs, how.lr_mult, Scores(clock))
    return learner.model, clock


def train(
    program: str, model: nn.Module, training: Examples, validation: Examples, params: Params
) -> tuple[nn.Module, Clock]:
    """Train by one of `RECIPES`.

    Returns:
        The network, and the clock with a point for each epoch.
    """
    torch.manual_seed(params.seed)  # of the order of images
    clock, batch_size = Clock(), params.finetune.batch_size
    sgd = "fit_sgdr" in program
    with clock.phase("fastai"):
        head = params.model.network.head
        last = model.get_submodule(head)
        model.set_submodule(head, nn.Identity())
        learner = Learner(
            DataLoaders(
                loader(training, batch_size, channels_last=True),
                clean_loader(validation, 512),
                device=torch.device("cpu"),
            ),
            TwoParts(model, last),
            loss_func=F.cross_entropy,
            opt_func=PYTORCH_SGD if sgd else Adam,
            splitter=early_late_head if sgd else body_and_head,
            wd=params.finetune.l2 if sgd else None,
            metrics=[accuracy, BalancedAccuracy()],
            train_bn=False,
            path=tempfile.mkdtemp(prefix="fastai-"),
            cbs=[BnFreeze(), ChannelsLast(), Scores(clock)],
        )
        learner.remove_cb(learner.progress)
        learner.logger = silent
        RECIPES[program](learner)
    return learner.model, clock


def early_late_head(model: TwoParts) -> list[list[nn.Parameter]]:
    """Return three groups, cut where fastai cuts a ResNet."""
    early = ("conv1.", "bn1.", "layer1.", "layer2.")
    parts: list[list[nn.Parameter]] = [[], [], list(model.head.parameters())]
    for name, parameter in model.backbone.named_parameters():
        parts[0 if name.startswith(early) else 1].append(parameter)
    return parts
