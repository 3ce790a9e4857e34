"""The options of `lradapt serve` itself; `limit_options` and `record_options` have the others."""

from typing import Annotated

import typer

from lradapt.cli import completion
from lradapt.cli.number_options import MAX_SECONDS, number_option

Host = Annotated[str, typer.Option(help="Address to listen on; there is no TLS: keep it internal.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="TCP port to listen on.")]
RefreshSeconds = Annotated[
    float,
    number_option(
        least=0.1,
        most=MAX_SECONDS,
        help="Time between two looks for another version in production.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(min=1, help="Number of images processed at once.", show_default="the cores"),
]
AccessLog = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", help="Append a line of JSON for each request to this file; - is stdout."
    ),
]
Nearest = Annotated[
    bool,
    typer.Option(
        "--nearest", help="The page shows the nearest training images, to all who may use it."
    ),
]
Shadow = Annotated[
    str | None,
    typer.Option(
        metavar="VERSION",
        help="Let this version classify the same images, unseen, and count where it differs.",
        autocompletion=completion.versions,
    ),
]
