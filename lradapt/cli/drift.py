"""`lradapt drift`: whether the images of a record are still like those of the test split."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Column, Table
from rich.text import Text

from lradapt.cli.options import AsJson, Location, Name, Version
from lradapt.cli.output import console, print_json
from lradapt.config.paths import read_paths
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_record, open_registry
from lradapt.runtime.files import write_text

if TYPE_CHECKING:
    from lradapt.drift.period_drift import Drift


def drift(
    record: Annotated[
        str,
        typer.Argument(
            metavar="RECORD", help="The record: a folder, or s3://bucket/prefix (serve --record)."
        ),
    ],
    version: Version = None,
    period: Annotated[
        Literal["day", "week"], typer.Option(help="The span to compare as a whole, in UTC.")
    ] = "week",
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            metavar="DATE",
            help="A day in the first period to compare; by default 12 periods ago.",
        ),
    ] = None,
    unfinished: Annotated[
        bool,
        typer.Option(
            "--unfinished",
            help="Test also the period that has not ended; each test of it may be a false alarm.",
        ),
    ] = False,
    as_json: AsJson = False,
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Also write a page with plots.")
    ] = None,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Compare the images of a record with the test and validation images of its version.

    For each week: whether the predicted classes, the features, the brightness or
    the sharpness have changed, the estimated accuracy and shares of the classes.
    At most 5% of years without a change have an alarm, all tests together, if the
    images are independent or the requests name their groups, such as patients.

    Run it in the project that has the images of the version.
    """
    found = _find(record, version, period, since, unfinished, registry, name)
    if html:
        from lradapt.reporting.drift_report import render

        write_text(html, render(found))
    if as_json:
        from lradapt.reporting.drift_report import as_json as value_of

        print_json(value_of(found))
    else:
        _print(found)


def _find(
    record: str,
    version: str | None,
    period: Literal["day", "week"],
    since: datetime | None,
    unfinished: bool,
    registry: str,
    name: str,
) -> "Drift":
    from lradapt.production.record_drift import drift_of_record

    opened = open_registry(registry, name)
    first: date | None = since.date() if since else None
    return drift_of_record(
        open_record(record),
        opened.open(version or opened.require_production().version),
        read_paths(),
        period=period,
        now=datetime.now(UTC),
        since=first,
        unfinished=unfinished,
    )


def _print(found: "Drift") -> None:
    from lradapt.reporting.drift_report import COLUMNS, basis, cells

    screen = console()
    screen.print(basis(found))
    *numbers, result = COLUMNS
    whole = [Column(title, no_wrap=True) for title in (found.period, *numbers)]
    table = Table(*whole, Column(result, overflow="fold"), box=SIMPLE_HEAD, padding=0)
    for each in found.periods:
        *first, result = cells(each)
        style = "red" if each.tested and each.tested.drifted else ""
        table.add_row(each.name, *first, Text(result, style=style))
    screen.print(table)
    for note in found.notes:
        screen.print(f"note: {note}")
