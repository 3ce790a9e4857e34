"""Plot of a range test with the chosen learning rate (the paper's figure 2)."""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import BLUE, ORANGE, Plot
from lradapt.training.range_test.rise import RISE

RISES_SHOWN = 0.8
"""Nats above the lowest difference; what comes after the divergence would hide the rest."""


def range_test_plot(curve: pd.DataFrame, rate: float, rule: str | None) -> Plot:
    """Plot the curve of each sweep, as the rule reads it, against the learning rate.

    Args:
        curve: as `history.write_sweeps` writes it.
        rate: the chosen rate, which is marked.
        rule: by which it was read off the curves; None: not recorded.
    """
    return Plot(partial(_draw, curve=curve, rate=rate, rule=rule), (5.2, 3.3))


def _draw(figure: Any, curve: pd.DataFrame, rate: float, rule: str | None) -> None:
    axes, column = figure.add_subplot(), "rise" if rule == RISE else "smoothed"
    for number, (_, sweep) in enumerate(curve.groupby("sweep")):
        label = "" if number else "smoothed loss of a sweep"
        axes.plot(sweep["lr"], sweep[column], color=BLUE, alpha=0.6, label=label)
    axes.axvline(rate, color=ORANGE, linestyle="--", label=f"chosen: {rate:.3g}")
    start, lowest = curve.groupby("sweep")[column].first().max(), curve[column].min()
    if rule == RISE:
        axes.set_ylim(lowest - 0.05, lowest + RISES_SHOWN)
        axes.set(ylabel="loss - baseline loss, nats")
    else:
        axes.set(ylabel="loss / baseline loss")
        if start > lowest:
            axes.set_ylim(lowest - 0.05 * (start - lowest), start + 0.5 * (start - lowest))
    axes.set(xscale="log", xlabel="learning rate of the head")
    axes.grid(visible=True)
    figure.legend(loc="outside upper center", ncols=3)
