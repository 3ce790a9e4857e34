"""fastai's `fine_tune` as its documentation has it: `vision_learner`, `lr_find`, `fine_tune`.

The learner cuts the network, adds fastai's own head and chooses the groups of layers. The weights
of the body, the images and their random views are those of every other program.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback
from fastai.data.core import DataLoaders
from fastai.losses import CrossEntropyLossFlat
from fastai.metrics import BalancedAccuracy, accuracy
from fastai.vision.learner import vision_learner
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from benchmarks.peers.networks import load_in_order
from benchmarks.peers.with_fastai import silent
from lradapt.networks.architectures import Architecture


class FrozenStatistics(Callback):  # type: ignore[misc]
    """Keeps the body's BatchNorm in eval mode, also while its weights are trained.

    fastai's `BnFreeze` does so only for layers that are not trained. At 64 pixels the statistics of
    batches ruin EfficientNet-Lite (docs/log.md).
    """

    def before_train(self) -> None:
        """Set the mode, after fastai has set it."""
        for module in self.learn.model[0].modules():
            if isinstance(module, _BatchNorm):
                module.eval()


@dataclass(frozen=True, slots=True)
class FineTune:
    """How `fine_tune` is called.

    Attributes:
        frozen_statistics: whether BatchNorm keeps the statistics of the pre-training.
        lr_mult: how many times lower the rate of the first layers is; by default fastai's.
    """

    frozen_statistics: bool
    lr_mult: float = 100


def as_documented(learner: Any, epochs: int, lr_mult: float, scores: Any) -> None:
    """Freeze the body, look for a rate, then train the head for an epoch, and all layers.

    Args:
        learner: of `new_learner`.
        epochs: of all layers.
        lr_mult: see `FineTune`.
        scores: a callback, for these epochs and not for the search of the rate.
    """
    learner.freeze()
    found = learner.lr_find(show_plot=False)
    learner.add_cb(scores)
    learner.fine_tune(epochs, found.valley, lr_mult=lr_mult)


def new_learner(
    architecture: Architecture,
    body: nn.Module,
    loaders: Sequence[Any],
    num_classes: int,
    *,
    frozen_statistics: bool,
) -> Any:
    """Return a `vision_learner` with fastai's defaults and the given weights of the body.

    Args:
        architecture: of torchvision or timm.
        body: the network without its head.
        loaders: of training and validation images, normalised.
        num_classes: of the head.
        frozen_statistics: whether BatchNorm keeps the statistics of the pre-training.
    """
    frozen = [FrozenStatistics()] if frozen_statistics else []
    learner = vision_learner(
        DataLoaders(*loaders, device=torch.device("cpu")),
        architecture.timm_name or getattr(torchvision.models, architecture.name),
        n_out=num_classes,
        normalize=False,  # the images are
        pretrained=False,  # the weights follow
        loss_func=CrossEntropyLossFlat(),
        metrics=[accuracy, BalancedAccuracy()],
        train_bn=not frozen_statistics,
        path=tempfile.mkdtemp(prefix="fastai-"),
        cbs=[ChannelsLast(), *frozen],
    )
    load_in_order(learner.model[0], body.state_dict())
    learner.remove_cb(learner.progress)
    learner.logger = silent
    return learner


_BY_HAND = "fastai fine_tune, BatchNorm's statistics frozen by hand"
FINE_TUNE: Mapping[str, FineTune] = {
    "fastai fine_tune": FineTune(frozen_statistics=False),
    _BY_HAND: FineTune(frozen_statistics=True),
    f"{_BY_HAND}, lr_mult 10": FineTune(frozen_statistics=True, lr_mult=10),
}
"""By the names in benchmarks.peers.recipe."""
