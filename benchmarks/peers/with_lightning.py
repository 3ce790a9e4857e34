"""Lightning: a LightningModule and a Trainer; BackboneFinetuning freezes the body."""

import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BackboneFinetuning
from lightning.pytorch.tuner import Tuner
from torch import Tensor

from benchmarks.peers.inputs import Given
from benchmarks.peers.loader import loader
from benchmarks.peers.measurement import Lap
from benchmarks.peers.networks import TwoParts, two_parts
from benchmarks.peers.work import BODY_RATE, HEAD_RATE, L2, MOMENTUM, SWEEP

PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed"}
QUIET = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}


class Classifier(LightningModule):  # type: ignore[misc]
    """Trains by SGD, and starts the clock after `warm_steps`, if there are any."""

    def __init__(
        self,
        parts: TwoParts,
        lap: Lap,
        *,
        lr: float,
        cycle_steps: int | None = None,
        warm_steps: int = 0,
    ) -> None:
        super().__init__()
        self.backbone, self.head, self.parts = parts.backbone, parts.head, parts
        self.lap, self.lr, self.warm_steps, self.cycle_steps = lap, lr, warm_steps, cycle_steps
        self.num_steps = 0

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """Return the loss of a batch."""
        images, labels = batch
        return F.cross_entropy(self.parts(images), labels)

    def on_train_batch_end(self, *_: Any) -> None:
        """Count a step."""
        self.num_steps += 1
        if self.num_steps == self.warm_steps:
            self.lap.start()

    def on_train_end(self) -> None:
        """Stop the clock if it runs."""
        if self.lap.started:
            self.lap.stop()

    def configure_optimizers(self) -> Any:
        """Return SGD of all layers, or of the head alone with a rate that falls in cycles."""
        trained = self.head if self.cycle_steps else self.parts
        optimizer = torch.optim.SGD(
            trained.parameters(), self.lr, momentum=MOMENTUM, weight_decay=L2
        )
        if not self.cycle_steps:
            return optimizer
        falling = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, self.cycle_steps)
        each_step = {"scheduler": falling, "interval": "step"}
        return {"optimizer": optimizer, "lr_scheduler": each_step}


def head(given: Given, lap: Lap) -> int:
    """Use `BackboneFinetuning` with its defaults: it trains BatchNorm, despite `train_bn`."""
    frozen = BackboneFinetuning(unfreeze_backbone_at_epoch=given.work.count)
    batches = loader(given.examples, given.work.batch_size)
    model = Classifier(two_parts(given), lap, lr=HEAD_RATE, cycle_steps=len(batches))
    trainer = _trainer(given, [frozen], QUIET, max_epochs=given.work.count)
    lap.start()
    trainer.fit(model, batches)
    lap.stop()
    return model.num_steps


def steps(given: Given, lap: Lap, *, best: bool = False) -> int:
    """Train every layer; the best way is channels last, by a Trainer without extras."""
    work = given.work
    parts = two_parts(given, channels_last=best)
    model = Classifier(parts, lap, lr=BODY_RATE, warm_steps=work.warm_steps)
    options = {"barebones": True} if best else QUIET
    trainer = _trainer(given, [], options, max_steps=work.warm_steps + work.count)
    trainer.fit(model, loader(given.examples, work.batch_size, channels_last=best))
    return model.num_steps - work.warm_steps


def sweep(given: Given, lap: Lap) -> int:
    """Call `Tuner.lr_find` with the body frozen by hand."""
    start_lr, end_lr = SWEEP
    parts = two_parts(given, frozen=True, channels_last=True)
    model = Classifier(parts, lap, lr=HEAD_RATE)
    tuner = Tuner(_trainer(given, [], QUIET, max_epochs=given.work.count))
    batches = loader(given.examples, given.work.batch_size, channels_last=True)
    lap.start()
    found = tuner.lr_find(
        model,
        batches,
        min_lr=start_lr,
        max_lr=end_lr,
        num_training=given.work.count,
        early_stop_threshold=None,
    )
    lap.stop()
    return len(found.results["lr"])


def _trainer(given: Given, callbacks: list[Any], options: dict[str, bool], **until: int) -> Any:
    warnings.simplefilter("ignore")  # of workers and loggers that are left out on purpose
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    return Trainer(
        accelerator="cpu",
        precision=PRECISIONS[given.work.precision],
        callbacks=callbacks,
        default_root_dir=Path(tempfile.mkdtemp(prefix="lightning-")),
        enable_model_summary=False,
        **options,
        **until,
    )
