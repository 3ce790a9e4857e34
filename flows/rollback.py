"""Put a former version back into production, and tell whoever listens."""

from typing import Annotated

import typer
from prefect import flow
from pydantic import Field

from flows import exit_on_error, run, speak_plainly, start_server
from lradapt.cli.options import Debug, Name, Registry
from lradapt.cli.output import console
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store
from lradapt.registry.versions import Move
from tasks import registry
from tasks.ui import events


@flow(name="rollback", persist_result=False)
def rollback(
    why: Annotated[str, Field(min_length=1)],
    version: str = "",
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
) -> Move:
    """Put a former version back into production.

    Args:
        why: the reason, for the log of the registry.
        version: to put back; empty: the one before the present.
        location: of the registry: a folder, or `s3://bucket/prefix`.
        name: of the model in the registry.
    """
    move = registry.roll_back(location, name, version, why)
    events.rolled_back(name, move)
    return move


def main(
    why: Annotated[str, typer.Option(help="The reason, for the log.")],
    version: Annotated[
        str, typer.Argument(help="The version; by default the one before the present.")
    ] = "",
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    debug: Debug = False,
) -> None:
    """Put a former version back into production, and tell whoever listens.

    `lradapt rollback` does the same without Prefect. Prints which version took the
    place of which.
    """
    speak_plainly()
    with exit_on_error(debug=debug):
        open_store(registry)  # a URL with a secret must not become a flow's parameter: it is kept
        start_server()
        move = rollback(why, version, registry, name)
    console().print(f"{move.version} is in production again, in place of {move.former}")


if __name__ == "__main__":
    run(main, 'python -m flows.rollback --why "takes moles for melanomas"')
