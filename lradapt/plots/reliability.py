"""The reliability diagram: accuracy against confidence.

Guo et al. 2017, arXiv:1706.04599, figure 1.
"""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import BLUE, ORANGE, Plot

_LINES = {"before": (ORANGE, "s--"), "after": (BLUE, "o-")}


def reliability_plot(bins: pd.DataFrame) -> Plot:
    """Plot accuracy against confidence, and of the images in each bin.

    Args:
        bins: before and after temperature scaling, as `evaluate.write_reliability` writes them.
    """
    return Plot(partial(_draw, bins=bins), (5.2, 4.4))


def _draw(figure: Any, bins: pd.DataFrame) -> None:
    diagram, counts = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    diagram.plot([0, 100], [0, 100], color="grey", linewidth=0.8, label="perfect")
    width = 100 * (bins["high"] - bins["low"]).iloc[0]
    for when, (colour, marks) in _LINES.items():
        rows = bins[(bins["temperature"] == when) & (bins["images"] > 0)]
        label = f"{when} temperature"
        confidence, accuracy = 100 * rows["confidence"], 100 * rows["accuracy"]
        diagram.plot(confidence, accuracy, marks, color=colour, ms=4, label=label)
        shift = -width / 4 if when == "before" else width / 4
        middles = 50 * (rows["low"] + rows["high"]) + shift
        counts.bar(middles, rows["images"], width=0.45 * width, color=colour)
    diagram.set(ylabel="accuracy, %", ylim=(0, 103))
    diagram.grid(visible=True)
    figure.legend(loc="outside upper center", ncols=3)
    counts.set(xlabel="confidence, %", ylabel="images", xlim=(0, 101))
