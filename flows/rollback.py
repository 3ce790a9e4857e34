"""Restore an earlier version in production, and emit an event."""

from typing import Annotated

import typer
from prefect import flow
from pydantic import Field

from flows.program import run, session, start_server
from lradapt.cli.options import Debug, Location, Name
from lradapt.cli.output import console
from lradapt.config.project_name import own
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.promotions import Promotion
from tasks import release
from tasks.ui import events


@flow(name=own("rollback"), persist_result=False)
def rollback(
    reason: Annotated[str, Field(min_length=1)],
    version: str = "",
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
) -> Promotion:
    """Restore an earlier version in production.

    Args:
        reason: to restore it, for the log of the registry.
        version: to restore; empty: the previous one, unless it was withdrawn.
        location: of the registry: a folder, or `s3://bucket/prefix`.
        name: of the model in the registry.
    """
    restored = release.roll_back(open_registry(location, name), version, reason)
    events.rolled_back(name, restored)
    return restored


def main(
    reason: Annotated[str, typer.Option(help="The reason, for the log.")],
    version: Annotated[
        str,
        typer.Argument(
            metavar="VERSION", help="The version; by default the previous one, unless withdrawn."
        ),
    ] = "",
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    debug: Debug = False,
) -> None:
    """Restore an earlier version in production, and emit an event.

    `lradapt rollback` does the same without Prefect, and without the event. Prints
    which version replaced which.
    """
    with session(debug=debug):
        open_registry(registry)  # refuses a URL with a secret, before Prefect stores it
        start_server()
        restored = rollback(reason, version, registry, name)
    console().print(f"{restored.version} replaced {restored.previous} in production")


if __name__ == "__main__":
    run(main, 'python -m flows.rollback --reason "takes moles for melanomas"')
