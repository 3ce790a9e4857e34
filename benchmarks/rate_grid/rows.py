"""The rows of the table, from the figures of the cells that are measured so far."""

from collections.abc import Sequence

import numpy as np

from benchmarks.rate_grid.figures import Hits, Row, Seed
from benchmarks.rate_grid.measure import Figures, Labels, Measurement


def row_of(images: str, backbone: str, cell: Measurement, seeds: Sequence[int]) -> Row | None:
    """Return the row of a cell; None where no seed has all its trainings."""
    done = [seed for seed in seeds if cell.is_done(seed)]
    if not done:
        return None
    return Row(
        images,
        backbone,
        cell.cell.name,
        cell.cell.grid,
        float(hits(cell.before(), cell.labels).mean()),
        [_seed(cell, seed) for seed in done],
        [cell.found_rate(seed) for seed in seeds if cell.has_sweeps(seed)],
    )


def _seed(cell: Measurement, seed: int) -> Seed:
    labels = cell.labels
    grid = np.stack([hits(cell.at(rate, seed), labels) for rate in cell.cell.grid])
    found = hits(cell.found(seed), labels)
    return Seed(cell.found_rate(seed), cell.suggestion(seed).refusal, found, grid)


def hits(figures: Figures, labels: Labels) -> Hits:
    """Return whether each image is right, `[N]`; none where the training diverged."""
    if "diverged" in figures:
        return np.zeros(len(labels), dtype=bool)
    predicted = np.frombuffer(bytes.fromhex(figures["predicted"]), dtype=np.uint8)
    right: Hits = predicted == labels
    return right
