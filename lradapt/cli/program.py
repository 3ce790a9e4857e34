"""Running a command line: wrong usage is plain lines in a pipe, and a box on a terminal alone."""

import sys
from typing import Any

import typer

from lradapt.cli import exit_codes

_UsageError: type[Any] = typer.BadParameter.__bases__[0]  # typer has no public name for it


def run_program(app: typer.Typer, **settings: Any) -> None:
    """Run a command line; it ends with SystemExit and a code of `lradapt.cli.exit_codes`.

    Args:
        app: the commands.
        settings: of typer, such as `prog_name`.
    """
    if sys.stderr.isatty():
        app(**settings)
    try:
        code = app(**settings, standalone_mode=False)  # the exit code after the help or Ctrl-C
    except typer.Abort:
        typer.echo("Aborted.", err=True)
        sys.exit(exit_codes.FAILED)
    except _UsageError as error:
        _print_usage(error)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else exit_codes.DONE)


def _print_usage(error: Any) -> None:
    """Print what is wrong, each sentence on one line; the message is empty after the help."""
    message = error.format_message()
    if not message:
        return
    if error.ctx is not None:
        typer.echo(error.ctx.get_usage(), err=True)
        message = f"{message.rstrip('.')}. `{error.ctx.command_path} --help` has the options"
    typer.echo(f"error: {message}", err=True)
