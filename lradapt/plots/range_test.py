"""Plot of a range test with the chosen learning rate (the paper's figure 2)."""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import BLUE, ORANGE, Plot


def range_test_plot(curve: pd.DataFrame, rate: float) -> Plot:
    """Plot the smoothed loss of each sweep against the learning rate.

    Args:
        curve: as `history.write_sweeps` writes it.
        rate: the chosen rate, which is marked.
    """
    return Plot(partial(_draw, curve=curve, rate=rate), (5.2, 3.3))


def _draw(figure: Any, curve: pd.DataFrame, rate: float) -> None:
    axes = figure.add_subplot()
    for number, (_, sweep) in enumerate(curve.groupby("sweep")):
        label = "" if number else "smoothed loss of a sweep"
        axes.plot(sweep["lr"], sweep["smoothed"], color=BLUE, alpha=0.6, label=label)
    axes.axvline(rate, color=ORANGE, linestyle="--", label=f"chosen: {rate:.3g}")
    start, lowest = curve.groupby("sweep")["smoothed"].first().max(), curve["smoothed"].min()
    if start > lowest:
        axes.set_ylim(lowest - 0.05 * (start - lowest), start + 0.5 * (start - lowest))
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss / baseline loss")
    axes.grid(visible=True)
    figure.legend(loc="outside upper center", ncols=3)
