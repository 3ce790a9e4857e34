"""Compare the images that the model answered with those it was tested on; report a drift."""

import logging
from datetime import UTC, datetime
from typing import Annotated, Literal

import typer
from prefect import flow

from flows.program import run, session, start_server
from lradapt.cli.options import Debug, Location, Name
from lradapt.cli.output import console
from lradapt.config.paths import read_paths
from lradapt.config.project_name import own
from lradapt.drift.period_drift import Drift
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_record, open_registry
from tasks import monitoring
from tasks.ui import artifacts, events

log = logging.getLogger("lradapt.drift")


@flow(name=own("monitor"), persist_result=False)
def monitor(
    record: str,
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
    period: Literal["day", "week"] = "week",
) -> Drift | None:
    """Compare each period of a record with the version in production, and report a drift.

    Args:
        record: that `lradapt serve --record` writes: a folder, or `s3://bucket/prefix`. Empty, as
            in prefect.yaml until somebody sets it: nothing is compared.
        location: of the registry.
        name: of the model in the registry.
        period: what is compared as a whole. A drift of the one that has ended last sends the
            event `lradapt.data.drifted`: run this once in each.
    """
    if not record:
        log.info("no record is set (parameter `record` of monitor in prefect.yaml): not compared")
        return None
    now = datetime.now(UTC)
    found = monitoring.find_drift(open_registry(location, name), record, period, now)
    artifacts.show_drift(found)
    ended = found.ended_last(now.date())
    if ended and ended.tested and ended.tested.drifted:
        events.data_drifted(name, found, ended)
    return found


def main(
    record: Annotated[
        str, typer.Argument(metavar="RECORD", help="The record: a folder, or s3://bucket/prefix.")
    ],
    period: Annotated[
        Literal["day", "week"], typer.Option(help="The span to compare as a whole, in UTC.")
    ] = "week",
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    debug: Debug = False,
) -> None:
    """Compare the images of a record with those that the model in production was tested on.

    `lradapt drift` does the same without Prefect. A drift of the day or week that
    has ended last sends the event lradapt.data.drifted. Prints the page that it writes.
    """
    with session(debug=debug):
        open_registry(registry)  # refuses a URL with a secret, before Prefect stores it
        open_record(record)
        paths = read_paths()
        start_server()
        monitor(record, registry, name, period)
    console().print(f"drift: {monitoring.page(paths)}")


if __name__ == "__main__":
    run(main, "python -m flows.monitor record", "python -m flows.monitor record --period day")
