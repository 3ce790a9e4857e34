"""Plot of a range test with the chosen learning rate (the paper's figure 2)."""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import BLUE, ORANGE, png, svg

_SIZE = (5.2, 3.3)


def range_test_png(curve: pd.DataFrame, rate: float) -> bytes:
    """Return a PNG of the smoothed loss of each sweep against the learning rate.

    Args:
        curve: as `history.write_sweeps` writes it.
        rate: the chosen rate, which is marked.
    """
    return png(partial(_draw, curve=curve, rate=rate), size=_SIZE)


def range_test_svg(curve: pd.DataFrame, rate: float, *, alt: str) -> str:
    """Return the same plot as an SVG element."""
    return svg(partial(_draw, curve=curve, rate=rate), size=_SIZE, alt=alt)


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
