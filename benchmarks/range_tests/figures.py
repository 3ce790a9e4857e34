"""The value of a rule in a cell: its variation over seeds, and the accuracy at its suggestion."""

from functools import partial
from math import nan
from statistics import mean
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.measuring import markdown_table
from benchmarks.range_tests.cells import Cell
from benchmarks.range_tests.results import Results
from benchmarks.range_tests.suggestions import our_suggestions, peer_suggestions
from lradapt.errors import TrainingError

GRID = tuple(float(f"{rate:.1e}") for rate in np.geomspace(1e-3, 10**0.5, 8))
"""Rates of the last group, with which suggestions are compared: 1e-3 to 3.2, 3.2 times apart."""


COLUMNS = (
    *("cell", "rule", "rate", "spread", "refused", "accuracy", "shortfall"),
    *("best_rate", "noise"),
)
"""Of a table with a line for each rule of a cell.

rate: the median suggestion over the seeds, NaN where the rule refused most of them.
spread: highest over lowest suggestion.
refused: number of seeds without a suggestion.
accuracy: mean over the training seeds at that rate.
shortfall: of the mean accuracy at the grid's best rate, in points; below zero is better.
best_rate: of the grid.
noise: standard deviation of `accuracy` of one training seed, over the grid, in points.
"""


def rate_figures(
    cell: Cell, results: Results, *, num_seeds: int, peer_seeds: int, train_seeds: int
) -> pd.DataFrame:
    """Return a line for each rule, with `COLUMNS`."""

    def accuracies(rate: float) -> list[float]:
        return [
            results.get(f"{cell.name} trained {rate:.2g} {seed}", partial(_train, cell, rate, seed))
            for seed in range(train_seeds)
        ]

    grid = {rate: accuracies(rate) for rate in GRID}
    best_rate = max(grid, key=lambda rate: mean(grid[rate]))
    best, noise = mean(grid[best_rate]), mean(float(np.std(each)) for each in grid.values()) * 100
    lines = []
    for suggestions, seeds in ((our_suggestions, num_seeds), (peer_suggestions, peer_seeds)):
        suggested = pd.DataFrame(suggestions(cell, seed, results) for seed in range(seeds))
        for rule, rates in suggested.astype(float).items():
            refused, known = int(rates.isna().sum()), rates.dropna()
            rate = spread = accuracy = nan
            if refused <= len(known):
                rate, spread = known.median(), known.max() / known.min()
                accuracy = mean(accuracies(rate))
            shortfall = (best - accuracy) * 100
            figures = (rate, spread, refused, accuracy, shortfall, best_rate, noise)
            lines.append((cell.name, rule, *figures))
    return pd.DataFrame(lines, columns=COLUMNS)


def _train(cell: Cell, rate: float, seed: int) -> float:
    """Return the accuracy at `rate` to two digits; zero where the loss is not finite."""
    try:
        return cell.train(float(f"{rate:.2g}"), seed)
    except TrainingError:
        return 0.0


def markdown(lines: pd.DataFrame) -> str:
    """Return a row for each rule, a column for each cell: `rate (spread): shortfall in points`."""
    cells, rules = lines["cell"].unique(), lines["rule"].unique()
    found = {(line.rule, line.cell): line for line in lines.itertuples()}
    grids = {line.cell: f"{line.best_rate:.2g} ± {line.noise:.1f}" for line in lines.itertuples()}
    rows = [["rule", *cells], ["best of the grid, noise of a seed", *(grids[c] for c in cells)]]
    rows += [[rule, *(_entry(found.get((rule, cell))) for cell in cells)] for rule in rules]
    return markdown_table(rows)


def _entry(line: Any) -> str:
    if line is None:
        return "-"
    if pd.isna(line.rate):
        return f"refused {line.refused}"
    refused = f", refused {line.refused}" if line.refused else ""
    return f"{line.rate:.2g} ({line.spread:.2g}x{refused}): {-line.shortfall:+.1f}"
