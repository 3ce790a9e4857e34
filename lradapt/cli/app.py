"""The command line: the commands of users, and `lradapt stage`, which DVC calls."""

import contextlib
import importlib
import io
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from lradapt import __version__, stages
from lradapt.cli import (
    changes,
    check,
    completion,
    dossier,
    drift,
    engine,
    exit_codes,
    exporting,
    flows,
    head,
    importing,
    keys,
    model,
    params,
    project,
    queue,
    review,
    serve,
    token,
    versions,
)
from lradapt.cli.error_exit import enable_tracebacks
from lradapt.cli.help import DATA, DVC, PROJECT, REGISTRY, TRAINING, USE, USUAL_CODES, epilog
from lradapt.cli.options import Debug
from lradapt.cli.program import run_program
from lradapt.cli.project_classes import require_known_classes
from lradapt.config.code_file import write_code_file
from lradapt.config.paths import PROJECT_FILE
from lradapt.config.replaced_sources import touch_replaced
from lradapt.errors import LradaptError, TrainingError
from lradapt.review.confirmed import write_confirmed
from lradapt.runtime import lock, process_rank
from lradapt.runtime.termination import Terminated
from lradapt.runtime.timings import Spent, Stopwatch, timed

_DISTRIBUTED = ("finetune",)  # several processes may run it together

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
    engine.tune_engine,
    "lradapt tune-engine",
    "lradapt tune-engine --json | jq .recommended",
)
_add(TRAINING, params.preset, "lradapt preset paper")
_add(TRAINING, params.recipe, "lradapt recipe", "lradapt recipe 3f9c21d07a4e")
_add(REGISTRY, versions.versions, "lradapt versions", "lradapt versions --registry s3://us/it")
_add(REGISTRY, versions.show, "lradapt show", "lradapt show --json 3f9c21d07a4e")
_add(REGISTRY, model.history, "lradapt history", "lradapt history --at 2026-11-25T14:30")
_add(
    REGISTRY,
    model.rollback,
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
    model.predict,
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


@app.command(
    rich_help_panel=DVC,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    epilog=epilog("dvc repro ingest", "lradapt stage ingest -- --help"),
)
def stage(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="STAGE",
            help="The name of a module in lradapt/stages.",
            autocompletion=completion.stage_names,
        ),
    ],
    timings: Annotated[
        Path | None, typer.Option(help="JSON file to which the seconds of the stage are added.")
    ] = None,
) -> None:
    """Run one stage of dvc.yaml.

    `dvc repro` calls this with the paths in dvc.yaml.
    """
    names = stages.NAMES
    if name not in names:
        raise typer.BadParameter(f"no stage {name!r}; expected one of {', '.join(names)}")
    module = importlib.import_module(f"lradapt.stages.{name}")
    single = typer.Typer(add_completion=False)
    single.command(name)(module.main)
    with _other_process() if process_rank.rank() else _first_process(name, timings) as stopwatch:
        _require_single(name)
        # Returns the exit code after the help or Ctrl-C, else the result of `main`.
        result = single(context.args, prog_name=f"lradapt stage {name}", standalone_mode=False)
        if isinstance(result, Spent):
            stopwatch.earlier = result
        elif result:
            raise typer.Exit(result)


@app.command(rich_help_panel=DVC, epilog=epilog("lradapt code"))
def code(
    project_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The dvc.yaml whose stages name their modules.")
    ] = PROJECT_FILE,
) -> None:
    """Write which code each stage of dvc.yaml uses, and which labels are confirmed.

    The stage `code` of dvc.yaml calls this. So a stage runs again after an edit of a
    file that it uses, or an upgrade of lradapt. It also writes which labels people have
    confirmed, if params.yaml lets doubtful ones be excluded. If a file of labels or weights has
    new content but its former time and size, its time is set to now, so that DVC
    sees the change.
    A class that the gate's params name (min_recall, min_recall_in, renamed) and no label
    has is an error, before anything is trained.
    """
    require_known_classes()
    write_code_file(project_file)
    write_confirmed(project_file)
    for path in touch_replaced(project_file):
        typer.echo(f"{path}: new content under the former size: its time is set to now")


@contextlib.contextmanager
def _first_process(name: str, timings: Path | None) -> Iterator[Stopwatch]:
    """Run a block that computes a stage: alone, or as the first of several processes."""
    with lock.stage(), timed(name, timings) as stopwatch:
        yield stopwatch


@contextlib.contextmanager
def _other_process() -> Iterator[Stopwatch]:
    """Run a block that computes a stage as another process than the first.

    The first process reports the error that ends all of them.
    """
    try:
        yield Stopwatch()
    except (LradaptError, Terminated) as error:
        raise typer.Exit(exit_codes.DONE) from error


def _require_single(name: str) -> None:
    if process_rank.num_processes() > 1 and name not in _DISTRIBUTED:
        raise TrainingError(
            f"stage {name} runs in one process, but WORLD_SIZE is {process_rank.num_processes()}; "
            "start it without torchrun"
        )


def run() -> None:
    """Run the command line; it ends with SystemExit and a code of `lradapt.cli.exit_codes`."""
    logging.basicConfig(format="%(levelname)s: %(message)s")
    logging.getLogger("lradapt").setLevel(logging.ERROR if process_rank.rank() else logging.INFO)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the name of a file may not be Unicode
    run_program(app, prog_name="lradapt")
