"""timm: the parts of its training step in the order of train.py, which is not in its package."""

from itertools import islice

from timm.loss import create_classification_loss
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.task import ClassificationTask
from timm.utils import AverageMeter

from benchmarks.peers.inputs import Given
from benchmarks.peers.loader import loader
from benchmarks.peers.measurement import Lap
from benchmarks.peers.networks import laid_out
from benchmarks.peers.work import BODY_RATE, L2, MOMENTUM


def steps(given: Given, lap: Lap, *, channels_last: bool = False) -> int:
    """Train every layer as train.py does without options, or with `--channels-last`."""
    work, model = given.work, laid_out(given.model(), channels_last=channels_last)
    optimizer = create_optimizer_v2(
        model, opt="momentum", lr=BODY_RATE, weight_decay=L2, momentum=MOMENTUM
    )
    scheduler, _ = create_scheduler_v2(
        optimizer, sched="cosine", num_epochs=1, step_on_epochs=False, updates_per_epoch=100
    )
    task = ClassificationTask(model, create_classification_loss(), verbose=False).train()
    losses, num_steps = AverageMeter(), 0
    batches = loader(given.examples, work.batch_size, channels_last=channels_last)
    for images, labels in islice(batches, work.warm_steps + work.count):
        if num_steps == work.warm_steps:
            lap.start()
        with given.engine.autocast():
            loss = task(images, labels)["loss"]
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.update(loss.item(), len(images))
        num_steps += 1
        scheduler.step_update(num_updates=num_steps, metric=losses.avg)
    lap.stop()
    return num_steps - work.warm_steps
