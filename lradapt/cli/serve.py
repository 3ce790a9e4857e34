"""`lradapt serve`: the HTTP endpoint of the model in production."""

import os
from typing import Annotated

import typer

from lradapt.cli.options import Location, Name
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on. There is no password: keep it internal.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    max_upload: Annotated[
        float,
        typer.Option(
            min=0.1, metavar="MB", help="Limit of one request; a larger one is answered with 413."
        ),
    ] = 20,
    refresh_seconds: Annotated[
        float, typer.Option(min=0.1, help="Between two checks for another version.")
    ] = 5,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Number of requests processed at once.", show_default="the cores"),
    ] = None,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Serve the model in production over HTTP.

    POST /predict takes one image, or a form with several; GET /health and /version
    describe the state. A newly promoted version is loaded by itself, without a
    failed request. Prints its address, and runs until it is stopped.
    """
    import uvicorn

    from lradapt.serving.live_model import LiveModel
    from lradapt.serving.server import Settings, create_app

    settings = Settings(
        max_bytes=int(max_upload * 1e6),
        refresh_seconds=refresh_seconds,
        num_threads=threads or len(os.sched_getaffinity(0)),
    )
    live = LiveModel(open_registry(registry, name), threads=1)  # the requests are the threads
    typer.echo(f"{name} of {registry} on http://{host}:{port} (/predict, /health, /version)")
    uvicorn.run(create_app(live, settings), host=host, port=port, log_level="warning")
