"""fastai's way: a Learner over plain PyTorch loaders, as its documentation shows."""

import tempfile
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from fastai.callback.channelslast import ChannelsLast
from fastai.callback.core import Callback, CancelFitException, CancelValidException
from fastai.callback.schedule import ParamScheduler, SchedCos
from fastai.callback.training import BnFreeze
from fastai.data.core import DataLoaders
from fastai.learner import Learner
from fastai.optimizer import SGD, OptimWrapper

from benchmarks.peers.inputs import Given
from benchmarks.peers.loader import loader
from benchmarks.peers.measurement import Lap
from benchmarks.peers.networks import TwoParts, in_precision, two_parts
from benchmarks.peers.work import BODY_RATE, HEAD_RATE, L2, MOMENTUM, SWEEP

FASTAI_SGD = partial(SGD, mom=MOMENTUM)
PYTORCH_SGD = partial(OptimWrapper, opt=torch.optim.SGD, momentum=MOMENTUM)


class NoTest(Callback):  # type: ignore[misc]
    """Leaves out the validation pass after each epoch."""

    def before_validate(self) -> None:
        """Leave it out."""
        raise CancelValidException


class Timed(Callback):  # type: ignore[misc]
    """Times `count` steps after `warm_steps`, then ends the training."""

    def __init__(self, lap: Lap, warm_steps: int, count: int) -> None:
        super().__init__()
        self.lap, self.warm_steps, self.last = lap, warm_steps, warm_steps + count
        self.num_steps = 0

    def after_batch(self) -> None:
        """Count a step."""
        self.num_steps += 1
        if self.num_steps == self.warm_steps:
            self.lap.start()
        if self.num_steps == self.last:
            self.lap.stop()
            raise CancelFitException


def head(given: Given, lap: Lap) -> int:
    """`freeze`, then a cosine cycle each epoch; BatchNorm is trained, which is the default."""
    return _head(_learner(given), given, lap)


def head_frozen(given: Given, lap: Lap) -> int:
    """The same with `train_bn=False`, `BnFreeze` and channels last."""
    return _head(_frozen(given), given, lap)


def _head(learner: Any, given: Given, lap: Lap) -> int:
    cycles = given.work.count
    learner.freeze()
    lap.start()
    learner.fit(cycles, lr=HEAD_RATE, cbs=restarts(HEAD_RATE, cycles))
    lap.stop()
    return cycles * len(learner.dls.train)


def restarts(rate: float, cycles: int) -> Any:
    """Equal cosine cycles; fastai's own ways to them fail for ten (docs/log.md)."""
    falling = SchedCos(rate, 0)

    def rate_at(share: float) -> float:
        return float(falling(share * cycles % 1))

    return ParamScheduler({"lr": rate_at})


def steps(given: Given, lap: Lap) -> int:
    """Steps of every layer, with fastai's own SGD."""
    return _steps(_learner(given), given, lap)


def steps_best(given: Given, lap: Lap) -> int:
    """The same with `ChannelsLast`, and PyTorch's SGD in its wrapper."""
    return _steps(_learner(given, channels_last=True, sgd=PYTORCH_SGD), given, lap)


def _steps(learner: Any, given: Given, lap: Lap) -> int:
    work = given.work
    timed = Timed(lap, work.warm_steps, work.count)
    learner.fit(1, lr=BODY_RATE, cbs=timed)
    return timed.num_steps - work.warm_steps


def sweep(given: Given, lap: Lap) -> int:
    """`freeze`, then `lr_find`; BatchNorm is trained, which is the default."""
    return _sweep(_learner(given), given, lap)


def sweep_frozen(given: Given, lap: Lap) -> int:
    """The same with `train_bn=False`, `BnFreeze` and channels last."""
    return _sweep(_frozen(given), given, lap)


def _sweep(learner: Any, given: Given, lap: Lap) -> int:
    start_lr, end_lr = SWEEP
    learner.freeze()
    lap.start()
    learner.lr_find(start_lr, end_lr, given.work.count, stop_div=False, show_plot=False)
    lap.stop()
    return len(learner.recorder.lrs)


def _frozen(given: Given) -> Any:
    return _learner(given, channels_last=True, train_bn=False, cbs=(BnFreeze(),))


def _learner(
    given: Given,
    *,
    channels_last: bool = False,
    train_bn: bool = True,
    sgd: Any = FASTAI_SGD,
    cbs: tuple[Any, ...] = (),
) -> Any:
    batches = loader(given.examples, given.work.batch_size, channels_last=channels_last)
    model = in_precision(two_parts(given, channels_last=channels_last), given.work.precision)
    learner = Learner(
        DataLoaders(batches, batches, device=torch.device("cpu")),
        model,
        loss_func=F.cross_entropy,
        opt_func=sgd,
        splitter=body_and_head,
        wd=L2,
        train_bn=train_bn,
        path=tempfile.mkdtemp(prefix="fastai-"),
        cbs=[NoTest(), *cbs, *([ChannelsLast()] if channels_last else [])],
    )
    learner.remove_cb(learner.progress)
    learner.logger = silent
    return learner


def body_and_head(model: TwoParts) -> list[list[torch.nn.Parameter]]:
    """Two groups, of which `freeze` trains the last."""
    return [list(model.backbone.parameters()), list(model.head.parameters())]


def silent(_: Any) -> None:
    """Takes the line of each epoch."""
