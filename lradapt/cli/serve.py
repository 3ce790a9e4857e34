"""`lradapt serve`: the HTTP endpoint of the model in production."""

import logging
import os
from typing import Annotated

import typer

from lradapt.cli.options import Location, Name
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry

_UPLOADS_IN_FLIGHT = 5  # that fit, if each is as large as it may be

_LIMITS = "Limits"


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on. There is no password: keep it internal.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8000,
    refresh_seconds: Annotated[
        float, typer.Option(min=0.1, help="Between two checks for another version.")
    ] = 5,
    threads: Annotated[
        int | None,
        typer.Option(min=1, help="Number of images processed at once.", show_default="the cores"),
    ] = None,
    max_upload: Annotated[
        float,
        typer.Option(
            min=0.1,
            metavar="MB",
            help="Limit of one request; a larger one is answered with 413.",
            rich_help_panel=_LIMITS,
        ),
    ] = 20,
    max_files: Annotated[
        int,
        typer.Option(
            min=1, help="Limit of one request; more are answered with 413.", rich_help_panel=_LIMITS
        ),
    ] = 100,
    max_megapixels: Annotated[
        float,
        typer.Option(
            min=0.01,
            help="Limit of one image; a larger one is answered with 422.",
            rich_help_panel=_LIMITS,
        ),
    ] = 25,
    total_megapixels: Annotated[
        float,
        typer.Option(
            min=0.01,
            help="Limit of all images of one request; more are answered with 413.",
            rich_help_panel=_LIMITS,
        ),
    ] = 100,
    max_waiting: Annotated[
        int,
        typer.Option(
            min=1,
            help="Requests that wait for a thread; beyond it, one is answered with 503.",
            rich_help_panel=_LIMITS,
        ),
    ] = 32,
    max_in_flight: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            metavar="MB",
            help="Limit of all requests that are not answered yet; beyond it, the oldest "
            "incomplete one is answered with 503.",
            show_default=f"{_UPLOADS_IN_FLIGHT} times --max-upload",
            rich_help_panel=_LIMITS,
        ),
    ] = None,
    max_connections: Annotated[
        int,
        typer.Option(
            min=1,
            help="Beyond it, the one that is idle the longest is closed.",
            rich_help_panel=_LIMITS,
        ),
    ] = 256,
    body_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="For a body to be complete; after it, the answer is 408.",
            rich_help_panel=_LIMITS,
        ),
    ] = 30,
    idle_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="For the head of a request to be complete, and for an answer to be read; after "
            "it, the connection is closed.",
            rich_help_panel=_LIMITS,
        ),
    ] = 10,
    look_seconds: Annotated[
        float,
        typer.Option(
            min=0.1,
            help="For the registry to answer; after it, /health has a fault.",
            rich_help_panel=_LIMITS,
        ),
    ] = 10,
    grace_seconds: Annotated[
        int,
        typer.Option(
            min=1,
            help="For requests in progress when the server is stopped.",
            rich_help_panel=_LIMITS,
        ),
    ] = 5,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
) -> None:
    """Serve the model in production over HTTP.

    POST /predict takes one image, or a form with several; GET /health and /version
    describe the state. A newly promoted version is loaded by itself, without a
    failed request. Prints its address, and runs until it is stopped.
    """
    from lradapt.serving import connections
    from lradapt.serving.live_model import LiveModel
    from lradapt.serving.server import create_app
    from lradapt.serving.settings import MB, Settings

    in_flight = _UPLOADS_IN_FLIGHT * max_upload if max_in_flight is None else max_in_flight
    if in_flight < max_upload:
        raise typer.BadParameter(
            f"--max-in-flight {in_flight:g} is below --max-upload {max_upload:g}; expected at "
            "least as much"
        )
    settings = Settings(
        max_bytes=int(max_upload * MB),
        refresh_seconds=refresh_seconds,
        num_threads=threads or len(os.sched_getaffinity(0)),
        max_megapixels=max_megapixels,
        max_files=max_files,
        max_request_megapixels=max(max_megapixels, total_megapixels),
        max_waiting=max_waiting,
        max_bytes_in_flight=int(in_flight * MB),
        body_seconds=body_seconds,
        look_seconds=look_seconds,
    )
    limits = connections.Limits(
        max_connections=max_connections, idle_seconds=idle_seconds, grace_seconds=grace_seconds
    )
    live = LiveModel(open_registry(registry, name), threads=1)  # the requests are the threads
    logging.getLogger("python_multipart").setLevel(logging.ERROR)  # it warns of malformed forms
    listeners = connections.listen(host, port)
    typer.echo(f"{name} of {registry} on http://{host}:{port} (/predict, /health, /version)")
    connections.run(create_app(live, settings), listeners, limits)
