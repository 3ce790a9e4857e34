"""How often weeks without a change have an alarm, and how often weeks with one.

Reference and weeks are drawn from the test images of a project, which a head was trained without
(`lradapt head`): from the same images, so that nothing has changed, or with a change. The tests and
their levels are those of `lradapt drift`.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer
from scipy.stats import kstwo

from benchmarks.drift_pool import PERCENT, Pool, make_pool, read_pool, write_pool
from benchmarks.measuring import markdown_table, table_row
from benchmarks.program import run
from lradapt.config.paths import read_paths
from lradapt.drift.accuracy import confidences, estimate_accuracy, hits
from lradapt.drift.class_shift import compare_classes
from lradapt.drift.false_alarms import level_of_a_test
from lradapt.drift.feature_shift import (
    compare_points,
    energy_distances,
    pairwise_distances,
    principal_components,
)
from lradapt.drift.grouped import inflation, one_of_each
from lradapt.drift.image_quality import compare_values, largest_gaps
from lradapt.drift.observed import Observed, Values
from lradapt.drift.permutation import EXCEEDANCES_ALLOWED, permutations_needed, random_subsets
from lradapt.drift.signals import SIGNALS

Rows = npt.NDArray[np.int64]
Rejected = npt.NDArray[np.bool_]

WEEKS = 53
LEVEL = level_of_a_test("week", len(SIGNALS))
_ENOUGH = EXCEEDANCES_ALLOWED + 1  # after which a test cannot reject: no p-value is needed here
_CLEAR = 12.0  # deviations above the permutations, where a test rejects without all of them

PoolFile = Annotated[Path, typer.Option("--pool", help="From the command `pool`.")]
Reference = Annotated[int, typer.Option(min=50, help="Images of the reference.")]
Seed = Annotated[int, typer.Option(help="Of the draws.")]
_POOL = Path("build/drift_pool.npz")


def pool(
    foreign: Annotated[Path, typer.Argument(help="Folder of other images.")],
    model: Annotated[Path, typer.Option(help="The model.")] = Path("build/head/model.onnx"),
    into: Annotated[Path, typer.Option(help="The file.")] = _POOL,
) -> None:
    """Compute what a model gives for the test images of the project, as they are and changed."""
    write_pool(into, make_pool(model.read_bytes(), read_paths(), foreign))


def false_alarms(
    file: PoolFile = _POOL,
    years: Annotated[int, typer.Option(min=1)] = 1000,
    volume: Annotated[int, typer.Option(help="Images a week.")] = 100,
    reference: Reference = 400,
    groups: Annotated[bool, typer.Option("--groups", help="Draw whole groups of images.")] = False,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="With --groups: the record names them.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """Simulate years of weekly tests without a change; print how many have an alarm."""
    if recorded and not groups:
        raise typer.BadParameter("--recorded is of images in groups: add --groups")
    found = read_pool(file)
    points = principal_components(found.base.features)
    random = np.random.default_rng(seed)
    alarms = np.stack(
        [
            _year_of_groups(found, points, reference, volume, random)
            if recorded
            else _year(found, points, reference, volume, groups=groups, random=random)
            for _ in range(years)
        ]
    )  # [years, weeks, signals]
    each = ", ".join(
        f"{signal} {100 * share:.1f} %"
        for signal, share in zip(SIGNALS, alarms.any(axis=1).mean(axis=0), strict=True)
    )
    whole = alarms.any(axis=(1, 2))
    error = np.sqrt(whole.mean() * (1 - whole.mean()) / years)
    typer.echo(
        f"{years:,} years of {WEEKS} weeks of {volume} images, reference {reference}: "
        f"{100 * whole.mean():.1f} % (standard error {100 * error:.1f}) have an alarm; {each}"
    )


def power(
    file: PoolFile = _POOL,
    draws: Annotated[int, typer.Option(min=1, help="Weeks of each kind.")] = 20,
    shifted_class: Annotated[str, typer.Option("--class", help="That comes more often.")] = "mel",
    reference: Reference = 1000,
    seed: Seed = 0,
) -> None:
    """Simulate weeks with a change; print how many have an alarm."""
    found = read_pool(file)
    typer.echo(markdown_table([["change", "images a week", "alarm", *SIGNALS]]))
    for kind in ("class", "foreign", "dark", "blur"):
        for percent in PERCENT:
            for volume in (100, 500, 2000):
                random = np.random.default_rng((seed, percent, volume))
                rejected = np.stack(
                    [
                        _tests(
                            found.base.at(random.integers(0, len(found.labels), reference)),
                            _week(found, kind, percent, volume, shifted_class, random)[0],
                            random,
                        )
                        for _ in range(draws)
                    ]
                )
                shares = [rejected.any(axis=1).mean(), *rejected.mean(axis=0)]
                cells = [f"{100 * share:.0f} %" for share in shares]
                typer.echo(table_row([f"{kind} {percent} %", f"{volume:,}", *cells]))


def accuracy(
    file: PoolFile = _POOL,
    draws: Annotated[int, typer.Option(min=1, help="Weeks of each kind.")] = 300,
    volume: Annotated[int, typer.Option(help="Images a week.")] = 500,
    shifted_class: Annotated[str, typer.Option("--class", help="That comes more often.")] = "mel",
    reference: Reference = 1000,
    seed: Seed = 0,
) -> None:
    """Simulate the errors of the accuracy that is estimated without labels."""
    found, random = read_pool(file), np.random.default_rng(seed)
    titles = "change, true, confidence, threshold, corrected confidence, bias, within 1.96 errors"
    typer.echo(markdown_table([titles.split(", ")]))
    for kind, percent in _changes():
        rows = [
            _estimates(found, kind, percent, volume, shifted_class, reference, random)
            for _ in range(draws)
        ]
        table = np.array(rows)  # true, three errors, whether within
        means = [table[:, 0].mean(), *np.abs(table[:, 1:4]).mean(axis=0), table[:, 3].mean()]
        cells = [f"{100 * value:.1f}" for value in [*means, table[:, 4].mean()]]
        typer.echo(table_row([f"{kind} {percent} %" if percent else kind, *cells]))


def _changes() -> Iterator[tuple[str, int]]:
    yield "none", 0
    for kind in ("class", "dark", "blur"):
        for percent in PERCENT:
            yield kind, percent


def _estimates(
    found: Pool,
    kind: str,
    percent: int,
    volume: int,
    shifted_class: str,
    reference: int,
    random: np.random.Generator,
) -> tuple[float, float, float, float, float]:
    """Return the true accuracy, the error of each estimate, and 1 if it is within its own."""
    rows = random.integers(0, len(found.labels), reference)
    known, labels = found.base.probabilities[rows], found.labels[rows]
    week, week_labels = _week(found, kind, percent, volume, shifted_class, random)
    true = float(hits(week.probabilities, week_labels).mean())
    estimate = estimate_accuracy(known, labels, week.probabilities)
    mean = float(confidences(week.probabilities).mean())
    threshold = _estimate_by_threshold(known, labels, week.probabilities)
    within = abs(estimate.accuracy - true) <= 1.96 * estimate.error
    return true, mean - true, threshold - true, estimate.accuracy - true, float(within)


def _estimate_by_threshold(known: Values, labels: Rows, period: Values) -> float:
    """Estimate by averaged thresholded confidence: Garg et al. 2022, arXiv:2201.04234."""
    wrong = 1 - hits(known, labels).mean()
    threshold = np.quantile(confidences(known), wrong)
    return float(np.mean(confidences(period) > threshold))


def _year(
    found: Pool,
    points: Values,
    reference: int,
    volume: int,
    *,
    groups: bool,
    random: np.random.Generator,
) -> Rejected:
    """Return which tests of which weeks without a change reject, `[weeks, signals]`."""
    before = _draw(found, reference, groups=groups, random=random)
    known = found.groups[before] if groups else None
    weeks, critical = [], _critical(reference, volume)
    values = (found.base.brightness, found.base.sharpness)
    larger = [_inflation(each[before], known, random) for each in values]
    for _ in range(WEEKS):
        after = _draw(found, volume, groups=groups, random=random)
        features = compare_points(
            pairwise_distances(points[np.append(before, after)]),
            volume,
            num_permutations=permutations_needed(LEVEL),
            random=random,
            enough=_ENOUGH,
            groups_N=known,
        )
        classes = _classes_reject(
            found.base.probabilities[before], found.base.probabilities[after], random, known
        )
        largest = [
            _largest_gap(each[before], each[after]) / by
            for each, by in zip(values, larger, strict=True)
        ]
        weeks.append([classes, features.p_value <= LEVEL, *(each >= critical for each in largest)])
    return np.array(weeks)


def _year_of_groups(
    found: Pool, points: Values, reference: int, volume: int, random: np.random.Generator
) -> Rejected:
    """Return the same where the record has groups: one image of each is compared."""
    before = _one_of_each_group(found, reference, random)
    weeks = []
    for _ in range(WEEKS):
        after = _one_of_each_group(found, volume, random)
        weeks.append(_week_rejects(found, points, before, after, random))
    return np.array(weeks)


def _week_rejects(
    found: Pool, points: Values, before: Rows, after: Rows, random: np.random.Generator
) -> list[bool]:
    """Return which tests of a week reject, of independent images."""
    distances = pairwise_distances(points[np.append(before, after)])
    critical = _critical(len(before), len(after))
    values = (found.base.brightness, found.base.sharpness)
    return [
        _classes_reject(found.base.probabilities[before], found.base.probabilities[after], random),
        _features_reject(distances, len(after), random),
        *(_largest_gap(each[before], each[after]) >= critical for each in values),
    ]


def _one_of_each_group(found: Pool, count: int, random: np.random.Generator) -> Rows:
    """Return one row of each group that a draw of so many images in whole groups has."""
    rows = _draw(found, count, groups=True, random=random)
    drawn = np.append(True, found.groups[rows[1:]] != found.groups[rows[:-1]]).cumsum()
    return rows[one_of_each(drawn, random)]


@cache
def _critical(reference: int, volume: int) -> float:
    """Return the gap of the distribution functions at which `compare_values` rejects."""
    effective = round(reference * volume / (reference + volume))
    return float(kstwo.isf(LEVEL, effective))


def _largest_gap(before: Values, after: Values) -> float:
    """Return the statistic of Kolmogorov and Smirnov; scipy's takes a hundred times longer."""
    before, after = np.sort(before), np.sort(after)
    both = np.concatenate([before, after])
    shares = [np.searchsorted(each, both, side="right") / len(each) for each in (before, after)]
    return float(np.abs(shares[0] - shares[1]).max())


def _draw(found: Pool, count: int, *, groups: bool, random: np.random.Generator) -> Rows:
    """Return the rows of so many images: independent ones, or groups one after the other."""
    if not groups:
        return random.integers(0, len(found.labels), count)
    order, counts = np.argsort(found.groups, kind="stable"), np.bincount(found.groups)
    starts = np.cumsum(counts) - counts
    drawn = random.integers(0, len(counts), count)  # more than enough
    rows = [order[starts[group] : starts[group] + counts[group]] for group in drawn]
    return np.concatenate(rows)[:count]


def _quick_tests(before: Observed, after: Observed, random: np.random.Generator) -> list[bool]:
    """Return whether classes, brightness and sharpness reject."""
    return [
        _classes_reject(before.probabilities, after.probabilities, random),
        compare_values(before.brightness, after.brightness) <= LEVEL,
        compare_values(before.sharpness, after.sharpness) <= LEVEL,
    ]


def _inflation(values: Values, groups: Rows | None, random: np.random.Generator) -> float:
    if groups is None:
        return 1.0
    return inflation(lambda subsets: largest_gaps(values, subsets), groups, random)


def _classes_reject(
    before: Values, after: Values, random: np.random.Generator, groups: Rows | None = None
) -> bool:
    found = compare_classes(
        before,
        after,
        num_permutations=permutations_needed(LEVEL),
        random=random,
        enough=_ENOUGH,
        groups_N=groups,
    )
    return found.p_value <= LEVEL


def _tests(before: Observed, after: Observed, random: np.random.Generator) -> Rejected:
    """Return which signals reject, in their order."""
    features = np.concatenate([before.features, after.features])
    distances = pairwise_distances(principal_components(features))
    quick = _quick_tests(before, after, random)
    return np.array([quick[0], _features_reject(distances, len(after), random), *quick[1:]])


def _features_reject(distances: Values, volume: int, random: np.random.Generator) -> bool:
    """Return whether the test of the features rejects; a clear result takes few permutations."""
    sums, total = distances.sum(axis=1, dtype=np.float64), len(distances)
    subsets = random_subsets(total, volume, 101, random)
    subsets[0] = np.arange(total) >= total - volume
    observed, *drawn = energy_distances(distances, sums, subsets)
    if observed > np.mean(drawn) + _CLEAR * np.std(drawn):
        return True
    return (
        compare_points(
            distances,
            volume,
            num_permutations=permutations_needed(LEVEL),
            random=random,
            enough=_ENOUGH,
        ).p_value
        <= LEVEL
    )


def _week(
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


if __name__ == "__main__":
    run(pool, false_alarms, power, accuracy, about=__doc__)
