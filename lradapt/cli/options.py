"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from lradapt.cli import completion
from lradapt.cli.error_exit import VARIABLE
from lradapt.config.paths import find_project
from lradapt.registry import DEFAULT_LOCATION


def of_project(location: str) -> str:
    """Return the default registry of the project around the current folder; others as they are."""
    if location != DEFAULT_LOCATION or Path(location).exists():
        return location
    project = find_project()
    return location if project in (None, Path.cwd()) else str(project / location)


AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Debug = Annotated[
    bool,
    typer.Option("--debug", help=f"Print the traceback of an error; {VARIABLE}=1 does the same."),
]
Location = Annotated[
    str,
    typer.Option(
        metavar="WHERE",
        help="The registry: a folder, or s3://bucket/prefix; by default that of the project.",
        callback=of_project,
    ),
]
Name = Annotated[str, typer.Option(metavar="NAME", help="The model's name in the registry.")]
Version = Annotated[
    str | None,
    typer.Argument(
        metavar="VERSION",
        help="The version; by default the one in production.",
        autocompletion=completion.versions,
    ),
]
