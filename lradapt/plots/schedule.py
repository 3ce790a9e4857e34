"""Plot of the learning rates at each step (the paper's figures 3 and 4)."""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import COLOURS, Plot

_DEPTH = 100  # the logarithmic axis ends at the lowest peak / _DEPTH, since rates fall to 0


def schedule_plot(steps: pd.DataFrame) -> Plot:
    """Plot the learning rate of each layer group at each step.

    Args:
        steps: as `history.write_steps` writes them.
    """
    return Plot(partial(_draw, steps=steps), (5.2, 3.0))


def _draw(figure: Any, steps: pd.DataFrame) -> None:
    axes = figure.add_subplot()
    columns = [name for name in steps.columns if name.startswith("lr_")]
    for colour, style, column in zip(COLOURS, ("-", "--", "-.", ":"), columns, strict=False):
        name = column.removeprefix("lr_")
        if len(steps) and not steps[column].any():
            axes.plot([], [], linestyle="none", label=f"{name}: frozen")  # no line on these axes
            continue
        axes.plot(steps["step"], steps[column], color=colour, linestyle=style, label=name)
    if len(columns) > 1:
        lowest_peak = min(filter(None, steps[columns].max()))  # 0: frozen
        axes.set(yscale="log", ylim=(lowest_peak / _DEPTH, None))
    axes.set(xlabel="step", ylabel="learning rate")
    axes.grid(visible=True)
    figure.legend(loc="outside upper center", ncols=3)
