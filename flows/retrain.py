"""Bring every stage of DVC's graph up to date, publish the model, promote it if it is better."""

from typing import Annotated

import typer
from prefect import flow
from rich.table import Table

from flows import exit_on_error, run, speak_plainly, start_server
from flows import plan as plans
from lradapt.cli.options import AsJson, Debug, Name, Registry
from lradapt.cli.output import console
from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.errors import LradaptError
from lradapt.production.release import Outcome
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store
from lradapt.reporting import report
from lradapt.runtime import lock
from lradapt.runtime.timings import read_timings
from tasks import approval, data, registry, stages
from tasks.pipeline import graph, lock_file
from tasks.server import gpu
from tasks.ui import artifacts, events, runs


@flow(name="retrain", persist_result=False)
def retrain(
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
    dry_run: bool = False,
    override: str = "",
    approval_seconds: int = 0,
) -> Outcome | None:
    """Retrain what has changed, and put the better model into production.

    Args:
        location: of the registry: a folder, or `s3://bucket/prefix`.
        name: of the model in the registry.
        dry_run: train and report, but neither publish nor promote.
        override: a person's reason to promote the new model although the gate would not; it is
            logged with the gate's. Empty: the gate decides.
        approval_seconds: pause before a promotion until a person approves it in Prefect's UI, so
            long at most; 0: the gate alone decides.
    """
    if override and approval_seconds:
        raise LradaptError("override and approval exclude each other: a person decides once")
    project_file = str(PROJECT_FILE)
    with lock.run():
        lock_file.mend()
        registry.ensure_champion_file()
        stages.version_sources(graph.unversioned_sources(project_file))
        previous, timings = data.find_previous(), read_timings(read_paths().timings)
        plan = graph.read_plan(project_file)
        # Not at every run: each new champion would ask for another training, without end.
        if any(node.stale for node in plan) and registry.bring_champion(location, name):
            plan = graph.read_plan(project_file)
        runs.name_run(plan)
        artifacts.show_plan(plan)
        splitting, rest = graph.cut(plan, str(read_paths().split))
        stages.reproduce_stale(splitting)
        comparison = artifacts.show_changes(previous, split_is_new=True)
        artifacts.log_changes(comparison)
        with gpu.slot(wanted=any(node.stale for node in rest)):
            stages.reproduce_stale(rest)
        outcome = None
        if not dry_run:
            version = registry.publish(location, name, timings, comparison.summary)
            outcome = _release(location, name, version, override, approval_seconds)
            events.released(name, outcome)
        artifacts.show(outcome, location, timings, comparison.summary)
    return outcome


def _release(
    location: str, name: str, version: str, override: str, approval_seconds: int
) -> Outcome:
    """Promote the new model if it is better, and approved where that is asked."""
    if not approval_seconds:
        return registry.judge_and_promote(location, name, version, override)
    judged = approval.ask(registry.judge(location, name, version), seconds=approval_seconds)
    return registry.promote_judged(location, name, judged)


def main(
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Neither publish nor promote.")
    ] = False,
    override: Annotated[
        str, typer.Option(metavar="WHY", help="Promote although the gate would not; logged.")
    ] = "",
    approval_seconds: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Wait so long for a person's approval in the UI; 0: ask nobody.",
        ),
    ] = 0,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would run and why, and run nothing.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Retrain what has changed, and put the better model into production.

    Prints the plan as it is worked off, what each stage says, and at the end what
    was trained, how good it is, what the gate decided, and what to try next.
    --json goes with --plan.
    """
    if as_json and not plan:
        raise typer.BadParameter("--json goes with --plan")
    speak_plainly()
    with exit_on_error(debug=debug):
        if plan:
            plans.show(plans.read(str(PROJECT_FILE)), as_data=as_json)
            return
        open_store(registry)  # a URL with a secret must not become a flow's parameter: it is kept
        start_server()
        outcome = retrain(registry, name, dry_run, override, approval_seconds)
    print_summary(outcome)


def print_summary(outcome: Outcome | None) -> None:
    """What was trained, how good it is, what the gate decided, and what to try next."""
    paths = read_paths()
    table = Table(show_header=False, title="retrain")
    for what, value in report.summary(paths, outcome):
        table.add_row(what, value)
    screen = console()
    screen.print(table)
    screen.print(f"report: {paths.report}", "next:", sep="\n")
    for command in report.next_commands(paths):
        screen.print(f"  {command}")


if __name__ == "__main__":
    run(
        main,
        "python -m flows.retrain",
        "python -m flows.retrain --plan",
        "python -m flows.retrain --registry s3://bucket/models --dry-run",
    )
