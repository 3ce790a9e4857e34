"""Plot of a training: loss of each step, validation of each epoch, ends of cycles."""

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from lradapt.plots.canvas import BLUE, GREEN, ORANGE, Plot

Losses = npt.NDArray[np.float64]

_MOST_POINTS = 600  # of the line of losses; more steps are averaged


def training_plot(steps: pd.DataFrame, epochs: pd.DataFrame) -> Plot:
    """Plot the loss and the accuracy on the validation split, against the epochs.

    Args:
        steps: as `history.write_steps` writes them.
        epochs: as `history.write_epochs` writes them; the columns of the validation split are
            empty without one.
    """
    return Plot(partial(_draw, steps=steps, epochs=epochs), (5.2, 4.2))


def cycle_ends(steps: pd.DataFrame) -> list[int]:
    """Return the number of steps at the end of each cycle: where the rate rises, and at the end.

    The rate of cycles of a single step is constant, so only the end of the last one is found.
    """
    rate = steps[[name for name in steps.columns if name.startswith("lr_")][-1]]  # never frozen
    return [*np.flatnonzero(rate.diff() > 0).tolist(), len(steps)]


def _thinned(losses: Losses) -> tuple[Losses, Losses]:
    """Return the middle of each of equal parts of the steps, and the mean loss in it."""
    parts = np.array_split(losses, min(len(losses), _MOST_POINTS))
    ends = np.cumsum([len(part) for part in parts])
    middles = ends - np.array([len(part) for part in parts]) / 2
    return middles, np.array([part.mean() for part in parts])


def _draw(figure: Any, steps: pd.DataFrame, epochs: pd.DataFrame) -> None:
    losses, accuracy = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    steps_an_epoch = len(steps) / len(epochs)
    middles, thinned = _thinned(steps["loss"].to_numpy())
    losses.plot(middles / steps_an_epoch, thinned, color=BLUE, alpha=0.3, linewidth=0.8)
    ends = epochs["epoch"]
    losses.plot(ends - 0.5, epochs["train_loss"], "o-", color=BLUE, ms=4, label="training")
    losses.plot(ends, epochs["validation_loss"], "s--", color=ORANGE, ms=4, label="validation")
    accuracy.plot(ends, 100 * epochs["validation_accuracy"], "s--", color=ORANGE, ms=4)
    for axes in (losses, accuracy):
        for end in cycle_ends(steps):
            marks = axes.axvline(end / steps_an_epoch, color=GREEN, linestyle=":")
        axes.grid(visible=True, axis="y")
    marks.set_label("end of a cycle")
    losses.set(ylabel="loss", ylim=(0, None))
    figure.legend(loc="outside upper center", ncols=3)
    accuracy.set(xlabel="epoch", ylabel="validation accuracy, %")
    accuracy.xaxis.get_major_locator().set_params(integer=True)
