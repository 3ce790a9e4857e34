"""Plot of the confusion matrix (the paper's figures 5 and 6)."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from lradapt.plots.canvas import Plot
from lradapt.text import printable, shortened

Matrix = npt.NDArray[np.int64]

_MOST_NAMED = 40  # classes; of more, only the table has names and counts
_MOST_LETTERS = 40  # of a name


def confusion_plot(matrix: Matrix, class_names: Sequence[str], title: str) -> Plot:
    """Plot the counts, coloured by their share of the true class."""
    inches = max(4.0, 0.45 * min(len(class_names), _MOST_NAMED) + 2)
    draw = partial(_draw, matrix=matrix, class_names=class_names, title=title)
    return Plot(draw, (inches, inches))


def _draw(figure: Any, matrix: Matrix, class_names: Sequence[str], title: str) -> None:
    axes = figure.add_subplot()
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true")
    figure.suptitle(title)  # over the names of the classes, too, which may leave little width
    if len(class_names) <= _MOST_NAMED:
        _name(axes, matrix, shares, class_names)


def _name(axes: Any, matrix: Matrix, shares: Any, class_names: Sequence[str]) -> None:
    ticks = range(len(class_names))
    names = [shortened(printable(name), _MOST_LETTERS) for name in class_names]
    axes.set_xticks(ticks, names, rotation=45, ha="right", parse_math=False)
    axes.set_yticks(ticks, names, parse_math=False)
    for (row, column), count in np.ndenumerate(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour, fontsize=8)
