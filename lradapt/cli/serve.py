"""`lradapt serve`: the HTTP endpoint of the model in production."""

import os
from typing import Annotated

import typer

from lradapt.cli.options import Name, Registry
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store


def serve(
    host: Annotated[
        str, typer.Option(help="Where to listen; there is no password, so keep it inside.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    max_upload: Annotated[
        float, typer.Option(min=0.1, metavar="MB", help="Of one request; more is answered by 413.")
    ] = 20,
    refresh_seconds: Annotated[
        float, typer.Option(min=0.1, help="Between two looks whether another version is live.")
    ] = 5,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Requests worked on at once.", show_default="the cores"),
    ] = None,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Answer over HTTP by the model in production.

    POST /predict takes an image, or a form of several; GET /health and /version
    tell how it is. Another version is taken up by itself, without a failed
    request. Prints its address, and goes on until it is stopped.
    """
    import uvicorn

    from lradapt.serving.live_model import LiveModel
    from lradapt.serving.server import Settings, create_app

    settings = Settings(
        max_bytes=int(max_upload * 1e6),
        refresh_seconds=refresh_seconds,
        num_threads=threads or len(os.sched_getaffinity(0)),
    )
    live = LiveModel(open_store(registry), name, threads=1)  # the requests are the threads
    typer.echo(f"{name} of {registry} on http://{host}:{port} (/predict, /health, /version)")
    uvicorn.run(create_app(live, settings), host=host, port=port, log_level="warning")
