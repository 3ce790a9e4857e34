"""How the programs here end: as `lradapt` does, see `lradapt.cli.program_end`."""

from collections.abc import Callable

import typer

from lradapt.cli.program_end import errors_told


def run(main: Callable[..., None]) -> None:
    """Run `main` with the words of the command line."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    with errors_told(long_work=True):
        app()
