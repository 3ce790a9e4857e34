"""The command line: all commands, with their examples and exit codes."""

import io
import logging
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from lradapt import __version__
from lradapt.cli import (
    changes,
    check,
    dossier,
    drift,
    exit_codes,
    exporting,
    flows,
    head,
    importing,
    keys,
    params,
    pipeline,
    predict,
    project,
    promotions,
    queue,
    review,
    serve,
    token,
    tune_engine,
    versions,
)
from lradapt.cli.error_exit import enable_tracebacks
from lradapt.cli.help import DATA, DVC, PROJECT, REGISTRY, TRAINING, USE, USUAL_CODES, epilog
from lradapt.cli.options import Debug
from lradapt.cli.program import run_program
from lradapt.runtime import process_rank

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog="`lradapt COMMAND --help` has examples. `lradapt retrain` runs everything in order.\n\n"
    f"[bold]Exit codes[/]  {exit_codes.describe(*exit_codes.MEANINGS)}",
)


def _add(
    panel: str,
    command: Callable[..., None],
    *examples: str,
    codes: tuple[int, ...] = USUAL_CODES,
    **settings: Any,
) -> None:
    name, text = command.__name__.replace("_", "-"), epilog(*examples, codes=codes)
    app.command(name, rich_help_panel=panel, epilog=text, **settings)(command)


def _add_flow(panel: str, command: Callable[..., None], *examples: str) -> None:
    _add(panel, command, *examples, context_settings=flows.PASSED_ON)


_add(PROJECT, project.init, "lradapt init skin --data photos", "lradapt init . --name skin")
_add(PROJECT, project.upgrade, "lradapt upgrade --dry-run", "lradapt upgrade")
_add_flow(PROJECT, flows.ui, "lradapt ui", "lradapt ui --port 4300")
_add_flow(PROJECT, flows.deploy, "lradapt deploy")
_add_flow(PROJECT, flows.worker, "lradapt worker --pool gpu")
app.add_typer(importing.app, name="import", rich_help_panel=DATA)
app.add_typer(exporting.app, name="export", rich_help_panel=DATA)
_add(
    DATA,
    check.check,
    "lradapt check",
    "lradapt check --folder photos --html page.html",
    "lradapt check --json | jq .findings",
    codes=(*USUAL_CODES, exit_codes.DATA_FAULTS),
)
_add(
    DATA,
    review.review,
    "lradapt review",
    "lradapt review --queue duplicates --as Anna --port 8100 --no-browser",
    "lradapt review --export doubtful.csv",
    "lradapt review --import doubtful.csv",
)
_add(
    DATA,
    queue.queue,
    "lradapt queue record",
    "lradapt queue s3://bucket/record --since 2026-11-01 --count 200",
)
_add(
    DATA,
    changes.changes,
    "lradapt changes old/labels.csv data/labels.csv",
    "lradapt changes --json monday tuesday",
)
_add_flow(TRAINING, flows.retrain, "lradapt retrain", "lradapt retrain --plan")
_add_flow(TRAINING, flows.watch, "lradapt watch", "lradapt watch --from pull --commit")
_add_flow(TRAINING, flows.benchmark, "lradapt benchmark")
_add(TRAINING, head.head, "lradapt head", "lradapt head --into build/friday")
_add(
    TRAINING,
    tune_engine.tune_engine,
    "lradapt tune-engine",
    "lradapt tune-engine --json | jq .recommended",
)
_add(TRAINING, params.preset, "lradapt preset paper")
_add(TRAINING, params.recipe, "lradapt recipe", "lradapt recipe 3f9c21d07a4e")
_add(REGISTRY, versions.versions, "lradapt versions", "lradapt versions --registry s3://us/it")
_add(REGISTRY, versions.show, "lradapt show", "lradapt show --json 3f9c21d07a4e")
_add(REGISTRY, promotions.history, "lradapt history", "lradapt history --at 2026-11-25T14:30")
_add(
    REGISTRY,
    promotions.rollback,
    'lradapt rollback --reason "takes moles for melanomas"',
    'lradapt rollback --reason "as agreed" 3f9c21d07a4e',
)
_add(
    REGISTRY,
    dossier.dossier,
    "lradapt dossier --out dossier.html",
    "lradapt dossier --since 2026-01-01 --json | jq .test_images",
)
_add(REGISTRY, versions.prune, "lradapt prune --keep 5")
app.add_typer(keys.app, name="keys", rich_help_panel=REGISTRY)
_add(
    USE,
    predict.predict,
    "lradapt predict photo.jpg",
    "lradapt predict --csv photos > classes.csv",
    codes=(*USUAL_CODES, exit_codes.DATA_FAULTS),
)
_add(
    USE,
    serve.serve,
    "lradapt serve --port 8000",
    "lradapt serve --record record --record-images",
    "curl --data-binary @photo.jpg http://127.0.0.1:8000/predict",
)
_add(
    USE,
    drift.drift,
    "lradapt drift record",
    "lradapt drift record --period day --html reports/drift.html",
    "lradapt drift s3://bucket/record --json | jq '.periods[-1].drifted'",
)
_add_flow(USE, flows.monitor, "lradapt monitor record")
_add(USE, token.token, "lradapt token anna", "lradapt token --json anna | jq -r .entry")
_add(
    DVC,
    pipeline.stage,
    "dvc repro ingest",
    "lradapt stage ingest -- --help",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
_add(DVC, pipeline.code, "lradapt code")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lradapt {__version__}")
        raise typer.Exit


@app.callback()
def options(
    debug: Debug = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version of lradapt.",
        ),
    ] = False,
) -> None:
    """Retrain image classifiers fast, and promote a better model to production safely."""
    if debug:
        enable_tracebacks()


def run() -> None:
    """Run the command line; it ends with SystemExit and a code of `lradapt.cli.exit_codes`."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger("lradapt").setLevel(logging.ERROR if process_rank.rank() else logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may not be Unicode
    run_program(app, prog_name="lradapt")
