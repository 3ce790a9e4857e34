"""Plot of the drift of a record: tests, estimated accuracy and images of each period."""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import BLUE, COLOURS, GREEN, Plot

_MARKS = ("o-", "s--", "^:", "d-.")
_SMALLEST = 1e-6  # p-values below are drawn as it


def drift_plot(table: pd.DataFrame, *, level: float, accuracy: float) -> Plot:
    """Plot the p-value of each signal, the estimated accuracy, and the number of images.

    Args:
        table: a row for each period, with `period`, `images`, `accuracy` and `error` (estimated,
            in [0, 1]; NaN where not tested), and a column of p-values for each signal.
        level: of each test.
        accuracy: on the reference, in [0, 1].
    """
    return Plot(partial(_draw, table=table, level=level, reference=accuracy), (6.4, 5.6))


def _draw(figure: Any, table: pd.DataFrame, level: float, reference: float) -> None:
    tests, accuracy, images = figure.subplots(3, 1, sharex=True, height_ratios=(4, 3, 2))
    places = range(len(table))
    signals = [name for name in table if name not in ("period", "images", "accuracy", "error")]
    for signal, colour, marks in zip(signals, COLOURS, _MARKS, strict=False):
        smallest = table[signal].clip(lower=_SMALLEST)
        tests.plot(places, smallest, marks, color=colour, ms=4, label=signal)
    tests.axhline(level, color="grey", linewidth=0.8)
    tests.set(yscale="log", ylim=(_SMALLEST / 2, 2), ylabel="p-value (below the line: drift)")
    tests.grid(visible=True, axis="y")
    figure.legend(loc="outside upper center", ncols=len(signals))
    estimated, error = 100 * table["accuracy"], 196 * table["error"]
    accuracy.errorbar(places, estimated, error, fmt="o", color=BLUE, ms=4, capsize=3)
    accuracy.axhline(100 * reference, color=GREEN, linestyle=":")
    accuracy.set(ylabel="estimated\naccuracy, %")
    accuracy.grid(visible=True, axis="y")
    images.bar(places, table["images"], width=0.6, color=BLUE)
    images.set(ylabel="images", xlim=(-0.6, len(table) - 0.4))
    images.set_xticks(places, table["period"], rotation=45, ha="right")
