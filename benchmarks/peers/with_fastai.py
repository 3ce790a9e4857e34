"""fastai: a Learner over plain PyTorch loaders, as in its documentation."""

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
    """Skips the validation pass after each epoch."""

    def before_validate(self) -> None:
        """Skip it."""
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


def head(given: Given, lap: Lap, *, frozen: bool = False) -> int:
    """Call `freeze`, then run a cosine cycle each epoch; by default BatchNorm is trained."""
    learner, cycles = _learner_of_head(given, frozen=frozen), given.work.count
    lap.start()
    learner.fit(cycles, lr=HEAD_RATE, cbs=restarts(HEAD_RATE, cycles))
    lap.stop()
    return cycles * len(learner.dls.train)


def restarts(rate: float, cycles: int) -> Any:
    """Return equal cosine cycles; fastai's own functions fail for ten (docs/log.md)."""
    falling = SchedCos(rate, 0)

    def rate_at(share: float) -> float:
        return float(falling(share * cycles % 1))

    return ParamScheduler({"lr": rate_at})


def steps(given: Given, lap: Lap, *, best: bool = False) -> int:
    """Train every layer by fastai's own SGD; or with `ChannelsLast` and PyTorch's SGD."""
    work = given.work
    sgd = PYTORCH_SGD if best else FASTAI_SGD
    timed = Timed(lap, work.warm_steps, work.count)
    _learner(given, channels_last=best, sgd=sgd).fit(1, lr=BODY_RATE, cbs=timed)
    return timed.num_steps - work.warm_steps


def sweep(given: Given, lap: Lap, *, frozen: bool = False) -> int:
    """Call `freeze`, then `lr_find`; by default BatchNorm is trained."""
    start_lr, end_lr = SWEEP
    learner = _learner_of_head(given, frozen=frozen)
    lap.start()
    learner.lr_find(start_lr, end_lr, given.work.count, stop_div=False, show_plot=False)
    lap.stop()
    return len(learner.recorder.lrs)


def _learner_of_head(given: Given, *, frozen: bool) -> Any:
    """Make a learner that trains the head; `frozen` also fixes BatchNorm, in channels last."""
    cbs = (BnFreeze(),) if frozen else ()
    learner = _learner(given, channels_last=frozen, train_bn=not frozen, cbs=cbs)
    learner.freeze()
    return learner


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
    """Return two groups; after `freeze`, the last is trained."""
    return [list(model.backbone.parameters()), list(model.head.parameters())]


def silent(_: Any) -> None:
    """Ignore the line of each epoch."""
