"""The curve of a range test, with the rate that was read off it (the paper's figure 2)."""

from functools import partial
from typing import Any

import pandas as pd

from lradapt.plots.canvas import BLUE, ORANGE, png, svg

_SIZE = (5.2, 3.3)


def range_test_png(curve: pd.DataFrame, rate: float) -> bytes:
    """Each sweep's smoothed loss against the rate, and the rate chosen.

    Args:
        curve: as `history.write_sweeps` writes it.
        rate: the suggestion.
    """
    return png(partial(_draw, curve=curve, rate=rate), size=_SIZE)


def range_test_svg(curve: pd.DataFrame, rate: float, *, alt: str) -> str:
    """The same for a page."""
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
