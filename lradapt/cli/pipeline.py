"""`lradapt stage` and `lradapt code`, which DVC calls for the stages of dvc.yaml."""

import contextlib
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lradapt import stages
from lradapt.cli import completion, exit_codes
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
