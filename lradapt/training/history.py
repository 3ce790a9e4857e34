"""The history of a training as tables for `dvc plots`: a line per step, a line per epoch."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.runtime.files import write_csv

if TYPE_CHECKING:
    from lradapt.training.range_test.curve import Sweep
    from lradapt.training.records import Epoch


def write_steps(path: Path, epochs: "Sequence[Epoch]", groups: Sequence[str]) -> None:
    """Write a line per optimizer step: its number, the rate of each group, the loss."""
    write_csv(
        path,
        ["step", *(f"lr_{group}" for group in groups), "loss"],
        ([s.number, *map(_short, s.rates), _short(s.loss)] for e in epochs for s in e.steps),
    )


def write_epochs(path: Path, epochs: "Sequence[Epoch]") -> None:
    """Write a line per epoch: training loss, and validation loss and accuracy where known."""
    write_csv(
        path,
        ["epoch", "train_loss", "validation_loss", "validation_accuracy"],
        (
            [
                epoch.number + 1,
                _short(epoch.loss),
                _short(epoch.validation.loss) if epoch.validation else "",
                _short(epoch.validation.accuracy) if epoch.validation else "",
            ]
            for epoch in epochs
        ),
    )


def write_sweeps(path: Path, sweeps: "Sequence[Sweep]") -> None:
    """Write a line per rate: the sweep's number, the rate, and the losses of a `Sweep`."""
    write_csv(
        path,
        ["sweep", "lr", "loss", "baseline", "smoothed"],
        (
            [number, *map(_short, point)]
            for number, sweep in enumerate(sweeps)
            for point in zip(sweep.rates, sweep.losses, sweep.baseline, sweep.smoothed, strict=True)
        ),
    )


def _short(value: float) -> str:
    return f"{value:.6g}"
