"""How the programs here end: an error that a user can mend is one message and exit code 1."""

import sys
from collections.abc import Callable

import typer

from lradapt.errors import LradaptError


def run(main: Callable[..., None]) -> None:
    """Run `main` with the words of the command line."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except (LradaptError, OSError) as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        sys.exit(1)
