"""What a rule is worth in a cell: its spread over seeds, and the accuracy at what it suggests."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import mean, median

import numpy as np

from benchmarks.range_tests.cells import Cell
from benchmarks.range_tests.results import Results
from benchmarks.range_tests.suggestions import our_suggestions, peer_suggestions
from lradapt.errors import TrainingError

GRID = tuple(float(f"{rate:.1e}") for rate in np.geomspace(1e-3, 10**0.5, 8))
"""The rates of the last group that suggestions are held against: 1e-3 to 3.2, 3.2 times apart."""


@dataclass(frozen=True, slots=True)
class Line:
    """What a rule did in a cell.

    Attributes:
        cell, rule: their names.
        rate: the median suggestion over the seeds, None where the rule refused most of them.
        spread: highest over lowest suggestion.
        refused: suggestions that were refused.
        accuracy: mean over the training seeds at that rate.
        shortfall: of the mean accuracy at the grid's best rate, in points; below zero is better.
        best_rate: of the grid.
        noise: standard deviation of `accuracy` of one training seed, over the grid, in points.
    """

    cell: str
    rule: str
    rate: float | None
    spread: float | None
    refused: int
    accuracy: float | None
    shortfall: float | None
    best_rate: float
    noise: float


def examine(
    cell: Cell, results: Results, *, num_seeds: int, peer_seeds: int, train_seeds: int
) -> list[Line]:
    """A line for each rule."""

    def accuracies(rate: float) -> list[float]:
        return [
            results.get(f"{cell.name} trained {rate:.2g} {seed}", partial(_train, cell, rate, seed))
            for seed in range(train_seeds)
        ]

    grid = {rate: accuracies(rate) for rate in GRID}
    best_rate = max(grid, key=lambda rate: mean(grid[rate]))
    noise = mean(float(np.std(values)) for values in grid.values()) * 100
    ours = [our_suggestions(cell, seed, results) for seed in range(num_seeds)]
    theirs = [peer_suggestions(cell, seed, results) for seed in range(peer_seeds)]
    return [
        _line(cell.name, rule, [found[rule] for found in by_seed], accuracies, best_rate, noise)
        for by_seed in (ours, theirs)
        for rule in (by_seed[0] if by_seed else ())
    ]


def _train(cell: Cell, rate: float, seed: int) -> float:
    """Accuracy at `rate` to two digits; zero where the loss is lost."""
    try:
        return cell.train(float(f"{rate:.2g}"), seed)
    except TrainingError:
        return 0.0


def _line(
    cell: str,
    rule: str,
    found: Sequence[float | None],
    accuracies: Callable[[float], list[float]],
    best_rate: float,
    noise: float,
) -> Line:
    rates = [rate for rate in found if rate is not None]
    refused = len(found) - len(rates)
    if refused > len(rates):
        return Line(cell, rule, None, None, refused, None, None, best_rate, noise)
    rate, best = median(rates), mean(accuracies(best_rate))
    accuracy = mean(accuracies(rate))
    spread, short = max(rates) / min(rates), (best - accuracy) * 100
    return Line(cell, rule, rate, spread, refused, accuracy, short, best_rate, noise)


def markdown(lines: Sequence[Line]) -> str:
    """A row for each rule, a column for each cell: `rate (spread): shortfall in points`."""
    cells = list(dict.fromkeys(line.cell for line in lines))
    rules = list(dict.fromkeys(line.rule for line in lines))
    by_place = {(line.rule, line.cell): line for line in lines}
    rows = [["rule", *cells], ["---"] * (len(cells) + 1)]
    grids = {line.cell: f"{line.best_rate:.2g} ± {line.noise:.1f}" for line in lines}
    rows.append(["best of the grid, noise of a seed", *(grids[cell] for cell in cells)])
    rows += [[rule, *(_said(by_place.get((rule, cell))) for cell in cells)] for rule in rules]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _said(line: Line | None) -> str:
    if line is None:
        return "-"
    if line.rate is None or line.spread is None or line.shortfall is None:
        return f"refused {line.refused}"
    refused = f", refused {line.refused}" if line.refused else ""
    return f"{line.rate:.2g} ({line.spread:.2g}x{refused}): {-line.shortfall:+.1f}"
