"""The command line: what a person types, and the stages that DVC calls."""

import importlib
import io
import logging
import pkgutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from lradapt import (
    cli_changes,
    cli_check,
    cli_engine,
    cli_head,
    cli_import,
    cli_model,
    cli_params,
    cli_serve,
    cli_versions,
    lock,
    stages,
)
from lradapt.errors import LradaptError
from lradapt.progress_lines import epochs_told
from lradapt.termination import EXIT_CODE, Terminated
from lradapt.timings import timed

app = typer.Typer(
    help="Retrain image classifiers fast, and put the better one into production safely.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(cli_import.app, name="import")
app.command("check")(cli_check.check)
app.command("changes")(cli_changes.changes)
app.command("tune-engine")(cli_engine.tune_engine)
app.command("head")(cli_head.head)
app.command("preset")(cli_params.preset)
app.command("recipe")(cli_params.recipe)
app.command("predict")(cli_model.predict)
app.command("history")(cli_model.history)
app.command("rollback")(cli_model.rollback)
app.command("versions")(cli_versions.versions)
app.command("show")(cli_versions.show)
app.command("prune")(cli_versions.prune)
app.command("serve")(cli_serve.serve)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def stage(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Of a module in lradapt/stages.")],
    timings: Annotated[Path | None, typer.Option(help="Where its seconds are noted.")] = None,
) -> None:
    """Run one stage of dvc.yaml; `dvc repro` calls this."""
    names = [module.name for module in pkgutil.iter_modules(stages.__path__)]
    if name not in names:
        raise typer.BadParameter(f"no stage {name!r} in lradapt/stages: {', '.join(names)}")
    module = importlib.import_module(f"lradapt.stages.{name}")
    single = typer.Typer(add_completion=False)
    single.command(name)(module.main)
    with lock.stage(), timed(name, timings), epochs_told():
        single(context.args, prog_name=f"lradapt stage {name}", standalone_mode=False)


def run() -> int:
    """Run the command line; the exit code: 0 done, 1 a told error, 2 wrong usage, 143 SIGTERM."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger("lradapt").setLevel(logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not be Unicode
    try:
        app()
    except (LradaptError, OSError) as error:
        typer.secho(f"error: {error}", err=True, fg="red")
        return 1
    except Terminated as end:
        typer.secho(f"error: {end}", err=True, fg="red")
        return EXIT_CODE
    return 0
