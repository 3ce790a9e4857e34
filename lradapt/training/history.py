"""The history of a training as tables for `dvc plots`: a line per step, a line per epoch."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.runtime.files import write_csv
from lradapt.training.range_test.rise import smoothed_rises

if TYPE_CHECKING:
    from lradapt.training.range_test.curve import Sweep
    from lradapt.training.records import Epoch
    from lradapt.training.scoring import Score

_EPOCH_COLUMNS = ("epoch", "train_loss", "validation_loss", "validation_accuracy")


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
        _EPOCH_COLUMNS,
        ([epoch.number + 1, *_scores(epoch.loss, epoch.validation)] for epoch in epochs),
    )


def write_solved(
    steps: Path, epochs: Path, *, groups: Sequence[str], loss: float, validation: "Score | None"
) -> None:
    """Write both tables for a training without steps: a single epoch has the result."""
    write_steps(steps, [], groups)
    write_csv(epochs, _EPOCH_COLUMNS, [[1, *_scores(loss, validation)]])


def write_sweeps(path: Path, sweeps: "Sequence[Sweep]") -> None:
    """Write a line per rate: the sweep's number, the rate, the losses, and what rules read.

    Most rules read the smoothed ratio of the losses, `rise` their smoothed difference in nats.
    """

    def points(sweep: "Sweep") -> "Iterator[tuple[float, ...]]":
        columns = (sweep.rates, sweep.losses, sweep.baseline, sweep.smoothed)
        return zip(*columns, smoothed_rises([sweep]).tolist(), strict=True)

    write_csv(
        path,
        ["sweep", "lr", "loss", "baseline", "smoothed", "rise"],
        (
            [number, *map(_short, point)]
            for number, sweep in enumerate(sweeps)
            for point in points(sweep)
        ),
    )


def _scores(loss: float, validation: "Score | None") -> list[str]:
    scores = [_short(validation.loss), _short(validation.accuracy)] if validation else ["", ""]
    return [_short(loss), *scores]


def _short(value: float) -> str:
    return f"{value:.6g}"
