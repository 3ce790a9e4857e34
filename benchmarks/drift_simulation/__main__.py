"""How often weeks without a change have an alarm, and how often weeks with one.

Reference and weeks are drawn from the test images of a project, which a head was trained without
(`lradapt head`): from the same images, so that nothing has changed, or with a change. The tests and
their levels are those of `lradapt drift`.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.drift_simulation.draws import changed_week, changes
from benchmarks.drift_simulation.estimates import estimates
from benchmarks.drift_simulation.pool import PERCENT, make_pool, read_pool, write_pool
from benchmarks.drift_simulation.rejections import rejected_by
from benchmarks.drift_simulation.years import WEEKS, year, year_of_groups
from benchmarks.measuring import markdown_table, table_row
from benchmarks.program import run
from lradapt.config.paths import read_paths
from lradapt.drift.feature_shift import principal_components
from lradapt.drift.signals import SIGNALS

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
            year_of_groups(found, points, reference, volume, random)
            if recorded
            else year(found, points, reference, volume, groups=groups, random=random)
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
                        rejected_by(
                            found.base.at(random.integers(0, len(found.labels), reference)),
                            changed_week(found, kind, percent, volume, shifted_class, random)[0],
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
    for kind, percent in changes():
        rows = [
            estimates(found, kind, percent, volume, shifted_class, reference, random)
            for _ in range(draws)
        ]
        table = np.array(rows)  # true, three errors, whether within
        means = [table[:, 0].mean(), *np.abs(table[:, 1:4]).mean(axis=0), table[:, 3].mean()]
        cells = [f"{100 * value:.1f}" for value in [*means, table[:, 4].mean()]]
        typer.echo(table_row([f"{kind} {percent} %" if percent else kind, *cells]))


if __name__ == "__main__":
    run(pool, false_alarms, power, accuracy, about=__doc__)
