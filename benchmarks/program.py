"""The command line of the programs here; errors end them as they end `lradapt`."""

from collections.abc import Callable

import typer

from lradapt.cli.error_exit import exit_on_error
from lradapt.cli.program import run_program


def run(*commands: Callable[..., None], about: str | None = None) -> None:
    """Run the command that the command line names, or the only one."""
    app = typer.Typer(help=about, add_completion=False, pretty_exceptions_enable=False)
    for command in commands:
        app.command()(command)
    with exit_on_error(long_work=True):
        run_program(app)
