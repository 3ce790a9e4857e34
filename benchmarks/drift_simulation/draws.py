"""Drawing images from a pool: independent ones, whole groups, and weeks with a change."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.drift_simulation.pool import PERCENT, Pool
from lradapt.drift.grouped import one_of_each
from lradapt.drift.observed import Observed

Rows = npt.NDArray[np.int64]


def draw(found: Pool, count: int, *, groups: bool, random: np.random.Generator) -> Rows:
    """Return the rows of so many images: independent ones, or groups one after the other."""
    if not groups:
        return random.integers(0, len(found.labels), count)
    order, counts = np.argsort(found.groups, kind="stable"), np.bincount(found.groups)
    starts = np.cumsum(counts) - counts
    drawn = random.integers(0, len(counts), count)  # more than enough
    rows = [order[starts[group] : starts[group] + counts[group]] for group in drawn]
    return np.concatenate(rows)[:count]


def one_of_each_group(found: Pool, count: int, random: np.random.Generator) -> Rows:
    """Return one row of each group that a draw of so many images in whole groups has."""
    rows = draw(found, count, groups=True, random=random)
    drawn = np.append(True, found.groups[rows[1:]] != found.groups[rows[:-1]]).cumsum()
    return rows[one_of_each(drawn, random)]


def changes() -> Iterator[tuple[str, int]]:
    """Yield the kind and the percent of each change whose accuracy is estimated; none at first."""
    yield "none", 0
    for kind in ("class", "dark", "blur"):
        for percent in PERCENT:
            yield kind, percent


def changed_week(
    found: Pool,
    kind: str,
    percent: int,
    volume: int,
    shifted_class: str,
    random: np.random.Generator,
) -> tuple[Observed, Rows]:
    """Return the images of a week with a change, and their labels (of foreign ones -1)."""
    if kind in ("dark", "blur"):
        drawn = random.integers(0, len(found.rows), volume)
        return found.changed[f"{kind}{percent}"].at(drawn), found.labels[found.rows[drawn]]
    other = random.binomial(volume, percent / 100)
    rows = random.integers(0, len(found.labels), volume - other)
    if kind == "foreign":
        drawn = random.integers(0, len(found.foreign), other)
        week = Observed.joined([found.base.at(rows), found.foreign.at(drawn)])
        return week, np.append(found.labels[rows], np.full(other, -1))
    of_class = np.flatnonzero(found.labels == found.classes.index(shifted_class))
    rows = np.append(rows, random.choice(of_class, other))
    return found.base.at(rows), found.labels[rows]
