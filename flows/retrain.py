"""Bring every stage of DVC's graph up to date, publish the model, promote it if it is better."""

from typing import Annotated

import typer
from prefect import flow

from flows import plan as plans
from flows.options import ApprovalSeconds, FullCheck
from flows.program import require_project, run, session, start_server
from flows.summary import print_summary
from lradapt.cli.options import AsJson, Debug, Location, Name
from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.config.project_name import own
from lradapt.errors import LradaptError
from lradapt.production.comparison_record import FrozenRules
from lradapt.production.release import Outcome
from lradapt.project import pyproject
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.registry.registry import Registry
from lradapt.runtime import lock
from lradapt.runtime.timings import read_timings
from tasks import approval, data, release, stages, tracking
from tasks.pipeline import dvc_files, lock_file
from tasks.pipeline.plan import cut_after, cut_plan, read_plan, trust_times
from tasks.processes.child import forked_commands
from tasks.server import gpu
from tasks.ui import artifacts, runs


@flow(name=own("retrain"), persist_result=False)
def retrain(
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
    dry_run: bool = False,
    override: str = "",
    approval_seconds: int = 0,
    full_check: bool = False,
) -> Outcome | None:
    """Retrain what has changed, and put the better model into production.

    Args:
        location: of the registry: a folder, or `s3://bucket/prefix`.
        name: of the model in the registry.
        dry_run: train and report, but neither publish nor promote.
        override: a person's reason to promote the new model even if the gate rejects it; logged
            with the gate's reason. Empty: the gate decides.
        approval_seconds: how long to wait for a person's approval in Prefect's UI before a
            promotion; 0: the gate alone decides.
        full_check: read every image and result, also those whose time and size are as before.
    """
    if override and approval_seconds:
        raise LradaptError(
            "override and approval_seconds cannot be used together; remove one of them"
        )
    pyproject.warn_if_other()
    registry, project_file = open_registry(location, name), str(PROJECT_FILE)
    if not dry_run:
        registry.require_can_sign()
    with lock.run(), forked_commands():
        lock_file.mend()
        dvc_files.mend()
        release.ensure_champion_file()
        found = stages.version_sources(project_file)
        previous, timings = data.find_previous(found), read_timings(read_paths().timings)
        trust_times(full_check=full_check)
        plan = read_plan(project_file, found)
        # Fetch the champion only if something else is stale; otherwise each promotion would start
        # another training.
        if any(node.stale for node in plan) and release.bring_champion(registry):
            plan = read_plan(project_file)
        runs.name_run(plan)
        artifacts.show_plan(plan)
        splitting, rest = cut_plan(plan, str(read_paths().split))
        stages.reproduce_stale(splitting)
        release.require_known_classes(registry)
        rules = None if dry_run else release.freeze_rules(registry)
        comparison = artifacts.show_changes(previous, split_is_new=True)
        artifacts.log_changes(comparison)
        training, after = cut_after(rest, str(read_paths().model))
        with gpu.slot(wanted=any(node.stale for node in rest)):
            stages.reproduce_stale(training, after, artifacts.training_drawn_beside())
        outcome, pictures = None, artifacts.draw_training()
        if rules:
            version = release.publish_version(
                registry, timings, comparison.summary, rules, pictures
            )
            outcome = _release(registry, version, rules, override, approval_seconds)
        artifacts.show(outcome, location, timings, comparison.summary, pictures)
        if any(node.stale for node in rest) or (outcome and outcome.promotion):
            tracking.send_run(registry.name, outcome)
    return outcome


def _release(
    registry: Registry, version: str, rules: FrozenRules, override: str, approval_seconds: int
) -> Outcome:
    """Promote the new model if it is better and, if a person is asked, approved."""
    release.complete_interrupted(registry, version)
    if not approval_seconds:
        return release.evaluate_and_promote(registry, version, override, rules)
    evaluated = release.evaluate_challenger(registry, version, rules)
    return release.promote_challenger(registry, approval.ask(evaluated, seconds=approval_seconds))


def main(
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Neither publish nor promote.")
    ] = False,
    override: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Promote even if the gate rejects the model; REASON is logged."
        ),
    ] = "",
    approval_seconds: ApprovalSeconds = 0,
    full_check: FullCheck = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Print what would run and why, and run nothing.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Retrain what has changed, and put the better model into production.

    Prints the plan, the output of each stage, and at the end what was trained, how
    good it is, what the gate decided, and what to try next. --json needs --plan.
    """
    if as_json and not plan:
        raise typer.BadParameter("--json needs --plan")
    with session(debug=debug):
        if plan:
            require_project()
            pyproject.warn_if_other()
            plan_now = plans.read(str(PROJECT_FILE), full_check=full_check)
            plans.show(plan_now, as_data=as_json)
            return
        open_registry(registry)  # refuses a URL with a secret, before Prefect stores it
        require_project()
        with forked_commands():
            start_server()
            outcome = retrain(registry, name, dry_run, override, approval_seconds, full_check)
        print_summary(outcome)


if __name__ == "__main__":
    run(
        main,
        "python -m flows.retrain",
        "python -m flows.retrain --plan",
        "python -m flows.retrain --registry s3://bucket/models --dry-run",
    )
