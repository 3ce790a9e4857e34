"""How the programs here end: as `lradapt` does, see `lradapt.cli.error_exit`."""

from collections.abc import Callable

import typer

from lradapt.cli.error_exit import exit_on_error


def run(main: Callable[..., None]) -> None:
    """Run `main` with the words of the command line."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    with exit_on_error(long_work=True):
        app()
