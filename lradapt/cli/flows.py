"""`lradapt retrain`, `watch` and so on: run a flow of the project, with the flow's own options."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import typer

from lradapt.cli.output import console
from lradapt.config.paths import find_project
from lradapt.errors import LradaptError
from lradapt.project.merging import require_merged

PASSED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
"""Settings of a command that hands all its words to a flow, `--help` too."""

COMMAND = "LRADAPT_COMMAND"
"""The variable by which a flow knows what was typed, for its help."""

MODULES = {
    "benchmark": "benchmark",
    "deploy": "deploy",
    "monitor": "monitor",
    "retrain": "retrain",
    "ui": "ui",
    "watch": "watch_labels",
    "worker": "worker",
}
"""Command -> module of flows/."""

_QUIET = {
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
}
_SERVER = {"PREFECT_API_URL": "http://127.0.0.1:4200/api"}
_NEEDS_SERVER = ("deploy", "worker")


def retrain(context: typer.Context) -> None:
    """Retrain what has changed, and promote the better model.

    Runs the project's flows/retrain.py; in a project, --help shows the flow's options.
    """
    _pass_on(context)


def watch(context: typer.Context) -> None:
    """Bring the data, show what has changed, and retrain if needed.

    Runs the project's flows/watch_labels.py; in a project, --help shows the flow's options.
    """
    _pass_on(context)


def monitor(context: typer.Context) -> None:
    """Run `lradapt drift` as a flow, which shows and announces a drift on Prefect's server.

    Runs the project's flows/monitor.py; in a project, --help shows the flow's options.
    """
    _pass_on(context)


def benchmark(context: typer.Context) -> None:
    """Compare learning-rate adaptation with conventional training on this project's data.

    Runs flows/benchmark.py, which lradapt's own repository has.
    """
    _pass_on(context)


def ui(context: typer.Context) -> None:
    """Start Prefect's server and UI on this machine.

    Runs the project's flows/ui.py; in a project, --help shows the flow's options.
    """
    _pass_on(context)


def deploy(context: typer.Context) -> None:
    """Register pools, limits, automations and deployments with Prefect's server.

    Runs the project's flows/deploy.py. PREFECT_API_URL names the server, by
    default that of `lradapt ui`.
    """
    _pass_on(context)


def worker(context: typer.Context) -> None:
    """Start a worker: it runs what Prefect's server schedules in a work pool of this project.

    Runs the project's flows/worker.py. PREFECT_API_URL names the server, by
    default that of `lradapt ui`.
    """
    _pass_on(context)


def _pass_on(context: typer.Context) -> None:
    command = str(context.info_name)
    if "--help" in context.args and find_project() is None:
        typer.echo(context.get_help())
        return
    run_flow(command, MODULES[command], context.args)


def run_flow(command: str, module: str, words: list[str]) -> None:
    """Become the program `python -m flows.MODULE` in the project's folder.

    Raises:
        LradaptError: the current folder is in no project, or the project has no such flow, or
            conflicts of an upgrade.
    """
    project = _require_flow(command, module)
    require_merged(project)
    if project != Path.cwd():
        console(stderr=True).print(f"in {project}")
    os.chdir(project)
    program = [sys.executable, "-m", f"flows.{module}", *words]
    sys.stdout.flush()
    os.execve(program[0], program, _environment(command, os.environ))


def _require_flow(command: str, module: str) -> Path:
    project = find_project()
    if project is None or not (project / "flows").is_dir():
        raise LradaptError(
            f"lradapt {command} runs a flow of a project, and neither {Path.cwd()} nor a folder "
            "around it is one: expected dvc.yaml, .dvc and flows/. `lradapt init DIR` makes a "
            "project; or change into yours"
        )
    if not (project / "flows" / f"{module}.py").is_file():
        raise LradaptError(
            f"the project {project} has no flow for lradapt {command}: flows/{module}.py is "
            "missing. If you have removed it, git has it; benchmark.py is in lradapt's repository "
            "alone"
        )
    return project


def _environment(command: str, present: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a flow: DVC's `python` is this one, nothing is told to anybody."""
    programs = Path(sys.executable).parent
    server = _SERVER if command in _NEEDS_SERVER else {}
    return {
        **_QUIET,
        **server,
        **present,
        "PATH": os.pathsep.join([str(programs), present.get("PATH", os.defpath)]),
        COMMAND: f"lradapt {command}",
    }
