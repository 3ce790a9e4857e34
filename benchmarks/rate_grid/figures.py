"""The found rate of each cell beside the grid: how far below the best, and how much is chance.

Letters: N test images, R rates of the grid, S seeds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.measuring import markdown_table

Hits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Seed:
    """One seed of a set of images and a backbone.

    Attributes:
        found: the rate that the range test found, or the given one.
        refusal: why the range test found none; "" where it did.
        found_hits: whether each test image is right after training at the found rates, `[N]`.
        grid_hits: the same at each rate of the grid, `[R, N]`.
    """

    found: float
    refusal: str
    found_hits: Hits
    grid_hits: Hits

    @property
    def shortfall(self) -> float:
        """The accuracy at the grid's best rate less that at the found one, in points.

        The best of several is too high by chance, so this is too high, too.
        """
        return _points(self.grid_hits[_best(self.grid_hits)], self.found_hits)

    @property
    def standard_error(self) -> float:
        """Of that difference, in points: from the images that one of the two has wrong."""
        differences = self.grid_hits[_best(self.grid_hits)].astype(float) - self.found_hits
        return float(differences.std() / np.sqrt(len(differences)) * 100)

    @property
    def fair_shortfall(self) -> float:
        """The shortfall without the luck of the best: chosen on one half, measured on the other."""
        halves = (slice(0, None, 2), slice(1, None, 2))
        return float(
            np.mean(
                [
                    _points(
                        self.grid_hits[_best(self.grid_hits[:, one]), other], self.found_hits[other]
                    )
                    for one, other in (halves, halves[::-1])
                ]
            )
        )


@dataclass(frozen=True, slots=True)
class Row:
    """All measured seeds of a set of images and a backbone.

    Attributes:
        images, backbone: their names.
        part: "late layers" or "head".
        grid: the rates, `[R]`.
        accuracy_before: of the model that is trained.
        seeds: at least one.
        suggested: the suggested rate of each range test, also of seeds without trainings.
    """

    images: str
    backbone: str
    part: str
    grid: tuple[float, ...]
    accuracy_before: float
    seeds: Sequence[Seed]
    suggested: Sequence[float]

    @property
    def spread(self) -> float:
        """The highest over the lowest suggestion."""
        return max(self.suggested) / min(self.suggested)

    @property
    def accuracies(self) -> Floats:
        """The mean accuracy over the seeds at each rate of the grid, `[R]`."""
        means: Floats = np.mean([seed.grid_hits.mean(axis=1) for seed in self.seeds], axis=0)
        return means

    @property
    def found_accuracy(self) -> float:
        """The mean accuracy over the seeds at the found rates."""
        return float(np.mean([seed.found_hits.mean() for seed in self.seeds]))

    @property
    def shortfall(self) -> float:
        """The best mean accuracy less that at the found rates, in points."""
        return float(self.accuracies.max() - self.found_accuracy) * 100

    def chance(self) -> list[float]:
        """Return the shortfall of the rate that is best with the other seeds, for each seed.

        No rule that knows no seed can be expected to do better.
        """
        if len(self.seeds) < 2:
            return []
        shortfalls = []
        for number, seed in enumerate(self.seeds):
            others = [one for each, one in enumerate(self.seeds) if each != number]
            means = np.mean([one.grid_hits.mean(axis=1) for one in others], axis=0)
            best = seed.grid_hits[_best(seed.grid_hits)]
            shortfalls.append(_points(best, seed.grid_hits[int(np.argmax(means))]))
        return shortfalls


def summary(rows: Sequence[Row]) -> str:
    """Return the shares of the cells within a point of the best, and the largest spread."""
    seeds = [seed for row in rows for seed in row.seeds]
    chance = [shortfall for row in rows for shortfall in row.chance()]
    spreads = [row.spread for row in rows if len(row.suggested) > 1]
    lines = [
        f"{len(seeds)} cells of {len(rows)} pairs of images and backbone",
        f"within 1 point of the grid's best: {_share([seed.shortfall for seed in seeds])}",
        f"the same, the best chosen on other images: "
        f"{_share([seed.fair_shortfall for seed in seeds])}",
        f"the same, of the mean over seeds: {_share([row.shortfall for row in rows])}",
        f"the rate that is best with the other seeds: {_share(chance)}",
        f"standard error of a shortfall: {_mean([seed.standard_error for seed in seeds])} points",
        f"spread over seeds of at most 1.5: {sum(spread <= 1.5 for spread in spreads)} of "
        f"{len(spreads)} pairs, the largest {max(spreads, default=0):.2g}",
        f"refused: {sum(bool(seed.refusal) for seed in seeds)}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def table(rows: Sequence[Row]) -> str:
    """Return a line of Markdown for each pair of images and backbone."""
    titles = ["images", "backbone", "part", "before", "best of the grid", "found", "spread"]
    titles += ["at the found rates", "shortfall of the mean", "of each seed", "fair"]
    return markdown_table([titles, *(_cells(row) for row in rows)])


def _cells(row: Row) -> list[str]:
    best = int(np.argmax(row.accuracies))
    return [
        row.images,
        row.backbone,
        row.part,
        f"{row.accuracy_before:.1%}",
        f"{row.accuracies[best]:.1%} at {row.grid[best]:.2g}",
        ", ".join(f"{rate:.2g}" for rate in row.suggested),
        f"{row.spread:.2f}",
        f"{row.found_accuracy:.1%}",
        f"{row.shortfall:.1f}",
        ", ".join(f"{seed.shortfall:.1f} ± {seed.standard_error:.1f}" for seed in row.seeds),
        ", ".join(f"{seed.fair_shortfall:.1f}" for seed in row.seeds),
    ]


def _best(hits: Hits) -> int:
    return int(np.argmax(hits.mean(axis=1)))


def _points(better: Hits, worse: Hits) -> float:
    return float(better.mean() - worse.mean()) * 100


def _share(shortfalls: Sequence[float]) -> str:
    within = sum(shortfall <= 1.0 + _ROUNDING for shortfall in shortfalls)
    return f"{within} of {len(shortfalls)}"


def _mean(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f}" if values else "-"
