"""fastai's own recipes: cycles of growing length under three rates, fine_tune, fit_one_cycle."""

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
from benchmarks.peers.loader import clean_loader, loader
from benchmarks.peers.networks import TwoParts
from benchmarks.peers.with_fastai import PYTORCH_SGD, body_and_head, restarts, silent
from lradapt.config.params import Params
from lradapt.training.inputs.batches import Examples

PRINTED_RATES = (1e-4, 1e-3, 1e-2)
HEAD_EPOCHS, HEAD_RATE = 3, 1e-2
"""Before unfreezing, with a restart each epoch; every one is a forward pass of the whole body."""
Recipe = Callable[[nn.Module, str, Examples, Examples, Params], Clock]


class Judged(Callback):  # type: ignore[misc]
    """Notes the validation accuracy and the clock after each epoch."""

    order = 60  # after the Recorder

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock

    def after_epoch(self) -> None:
        """Note a point."""
        _, loss, share, balanced = self.learn.recorder.values[-1]
        number = len(self.clock.points) + 1
        found = Point("fastai", number, self.clock.elapsed(), share, balanced, loss)
        self.clock.points.append(found)


def growing_cycles(learner: Any, rates: tuple[float, ...]) -> None:
    """The head in cycles of one epoch, then 1 + 2 + 4 epochs of all layers at their rates."""
    learner.freeze()
    learner.fit(HEAD_EPOCHS, lr=HEAD_RATE, cbs=restarts(HEAD_RATE, HEAD_EPOCHS))
    learner.unfreeze()
    learner.fit_sgdr(3, 1, lr_max=np.array(rates), cycle_mult=2)


def fine_tune(learner: Any) -> None:
    """Its defaults, for as many epochs."""
    learner.fine_tune(7)


def one_cycle(learner: Any) -> None:
    """Its defaults, all layers, for as many epochs."""
    learner.unfreeze()
    learner.fit_one_cycle(7)


def _recipe(
    train: Callable[[Any], None],
    optimizer: Any,
    model: nn.Module,
    head: str,
    training: Examples,
    judging: Examples,
    params: Params,
) -> Clock:
    torch.manual_seed(params.seed)  # of the order of images
    clock = Clock()
    with clock.phase("fastai"):
        learner = _learner(model, head, training, judging, params, optimizer)
        learner.add_cb(Judged(clock))
        train(learner)
    return clock


def _learner(
    model: nn.Module,
    head: str,
    training: Examples,
    judging: Examples,
    params: Params,
    optimizer: Any,
) -> Any:
    last = model.get_submodule(head)
    model.set_submodule(head, nn.Identity())
    batch_size = params.finetune.batch_size
    learner = Learner(
        DataLoaders(
            loader(training, batch_size, channels_last=True),
            clean_loader(judging, 512),
            device=torch.device("cpu"),
        ),
        TwoParts(model, last),
        loss_func=F.cross_entropy,
        opt_func=optimizer,
        splitter=early_late_head if optimizer is PYTORCH_SGD else body_and_head,
        wd=params.finetune.l2 if optimizer is PYTORCH_SGD else None,
        metrics=[accuracy, BalancedAccuracy()],
        train_bn=False,
        path=tempfile.mkdtemp(prefix="fastai-"),
        cbs=[BnFreeze(), ChannelsLast()],
    )
    learner.remove_cb(learner.progress)
    learner.logger = silent
    return learner


def early_late_head(model: TwoParts) -> list[list[nn.Parameter]]:
    """Three groups, where fastai cuts a ResNet."""
    early = ("conv1.", "bn1.", "layer1.", "layer2.")
    parts: list[list[nn.Parameter]] = [[], [], list(model.head.parameters())]
    for name, parameter in model.backbone.named_parameters():
        parts[0 if name.startswith(early) else 1].append(parameter)
    return parts


RECIPES: Mapping[str, Recipe] = {
    "fastai fit_sgdr, printed rates": partial(
        _recipe, partial(growing_cycles, rates=PRINTED_RATES), PYTORCH_SGD
    ),
    "fastai fit_sgdr, lradapt's rates": partial(
        _recipe, partial(growing_cycles, rates=(0.1, 0.1, 0.1)), PYTORCH_SGD
    ),
    "fastai fine_tune": partial(_recipe, fine_tune, Adam),
    "fastai fit_one_cycle": partial(_recipe, one_cycle, Adam),
}
"""By the names in benchmarks.peers.recipe."""
