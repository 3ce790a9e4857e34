"""Options that several commands share."""

from typing import Annotated

import typer

from lradapt.cli import completion
from lradapt.cli.error_exit import VARIABLE

AsJson = Annotated[bool, typer.Option("--json", help="As JSON, for programs.")]
Debug = Annotated[
    bool, typer.Option("--debug", help=f"With an error, its traceback; also by {VARIABLE}=1.")
]
Location = Annotated[
    str, typer.Option(metavar="WHERE", help="The registry: a folder, or s3://bucket/prefix.")
]
Name = Annotated[str, typer.Option(metavar="NAME", help="The model's name in the registry.")]
Version = Annotated[
    str | None,
    typer.Argument(
        help="The version; by default the one in production.",
        autocompletion=completion.versions,
    ),
]
