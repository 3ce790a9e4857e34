"""Pictures from the stages' own figures; each function draws one and returns it as PNG bytes."""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


def range_test_png(curve: pd.DataFrame, rate: float) -> bytes:
    """Each sweep's smoothed loss against the rate, and the rate chosen (the paper's figure 2).

    Args:
        curve: as `history.write_sweeps` writes it.
        rate: the suggestion.
    """
    figure, axes = _figure(6, 3.6)
    for _, sweep in curve.groupby("sweep"):
        axes.plot(sweep["lr"], sweep["smoothed"], color="tab:blue", alpha=0.6)
    axes.axvline(rate, color="tab:orange", label=f"chosen: {rate:.3g}")
    start, lowest = curve.groupby("sweep")["smoothed"].first().max(), curve["smoothed"].min()
    axes.set_ylim(lowest - 0.05 * (start - lowest), start + 0.5 * (start - lowest))
    axes.set(xscale="log", xlabel="learning rate", ylabel="loss, in shares of the untouched")
    axes.legend()
    return _png(figure)


def schedule_png(steps: pd.DataFrame) -> bytes:
    """The rate of each layer group at each step as it was run (the paper's figures 3 and 4)."""
    figure, axes = _figure(6, 3.6)
    for column in [name for name in steps.columns if name.startswith("lr_")]:
        axes.plot(steps["step"], steps[column], label=column.removeprefix("lr_"))
    axes.set(xlabel="step", ylabel="learning rate")
    axes.legend()
    return _png(figure)


def confusion_png(matrix: npt.NDArray[np.int64], class_names: Sequence[str], title: str) -> bytes:
    """The confusion matrix, coloured by share of the true class (the paper's figures 5 and 6)."""
    side = max(4.0, 0.5 * len(class_names) + 2)
    figure, axes = _figure(side, side)
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(class_names))
    axes.set_xticks(ticks, class_names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(ticks, class_names, parse_math=False)
    if len(class_names) <= 30:
        for (row, column), count in np.ndenumerate(matrix):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
    axes.set(xlabel="predicted", ylabel="true", title=title)
    return _png(figure)


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _png(figure: Any) -> bytes:
    buffer = io.BytesIO()
    # Without the version of matplotlib, the bytes depend on the figures alone.
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()
