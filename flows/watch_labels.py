"""Bring the data, show what has changed since the last training, and retrain if needed."""

from typing import Annotated

import typer
from prefect import flow

from flows.options import ApprovalSeconds, FullCheck
from flows.program import require_project, run, session, start_server
from flows.retrain import retrain
from flows.summary import print_summary
from lradapt.cli.options import Debug, Location, Name
from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.config.project_name import own
from lradapt.data.retrain_decision import Decision
from lradapt.production.release import Outcome
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_registry
from lradapt.runtime import lock
from tasks import data, release, stages, version_results
from tasks.pipeline import dvc_files, lock_file
from tasks.pipeline.last_run import unfinished_stages
from tasks.pipeline.plan import cut_plan, read_plan, trust_times
from tasks.pipeline.sources import read_sources, versioned_files
from tasks.ui import artifacts, events

_PROJECT = str(PROJECT_FILE)


@flow(name=own("watch-labels"), persist_result=False)
def watch_labels(
    source: str = data.HERE,
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
    commit: bool = False,
    approval_seconds: int = 0,
    train: bool = True,
    full_check: bool = False,
) -> tuple[Decision, Outcome | None]:
    """Bring the data, and retrain if they have changed enough: `watch` in params.yaml.

    Args:
        source: of the data: "here", "update", "pull" or a folder; see `tasks.data.bring`.
        location: of the registry.
        name: of the model in the registry.
        commit: commit the versions of data and stages to git.
        approval_seconds: see `flows.retrain.retrain`.
        train: whether to retrain in this run; if not, send the event `lradapt.labels.changed`,
            which starts another run.
        full_check: see `flows.retrain.retrain`; a folder, too, is then compared by content.
    """
    with lock.run():
        lock_file.mend()
        dvc_files.mend()
        if commit:
            version_results.require_git()
        comparison, decision = _look(source, full_check=full_check)
        if not decision.retrain and not release.is_published(open_registry(location, name)):
            decision = Decision(True, "the last trained model was not published")
        training = decision.retrain and train
        if not training:
            artifacts.log_changes(comparison)  # otherwise `retrain` does, with the new split
        artifacts.show_decision(decision)
        outcome = retrain(location, name, approval_seconds=approval_seconds) if training else None
        version_results.push([node.address for node in read_plan(_PROJECT)])
        if commit:
            version_results.commit(versioned_files(_PROJECT), comparison.sentence)
        if decision.retrain and not training:  # not both: the data would be trained on twice
            events.labels_changed(name, decision, comparison.sentence)
        return decision, outcome


def _look(source: str, *, full_check: bool) -> tuple[data.Comparison, Decision]:
    """Bring and decode the data; return what has changed, and whether retraining is needed."""
    data.bring(source, read_sources(_PROJECT), full_check=full_check)
    release.ensure_champion_file()
    found = stages.version_sources(_PROJECT)
    previous = data.find_previous(found)
    trust_times(full_check=full_check)
    images = read_paths().table
    decoding, rest = cut_plan(read_plan(_PROJECT, found), str(images))
    stages.reproduce_stale(decoding)
    comparison = artifacts.show_changes(previous, split_is_new=False)
    return comparison, data.decide_retraining(comparison, unfinished_stages(rest))


def main(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Source of the data: here (others write into data/), update (`dvc update` of what "
            "was imported), pull (`dvc pull`), or a folder with images/ and labels.csv.",
        ),
    ] = data.HERE,
    registry: Location = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit data/*.dvc and dvc.lock to git; nothing else.")
    ] = False,
    approval_seconds: ApprovalSeconds = 0,
    full_check: FullCheck = False,
    debug: Debug = False,
) -> None:
    """Bring the data, show what has changed, and retrain if needed.

    The section `watch` in params.yaml sets which changes start a retraining.
    Prints what has changed since the last training, the decision with its
    reason, and the summary of a training.
    """
    with session(debug=debug):
        open_registry(registry)  # refuses a URL with a secret, before Prefect stores it
        require_project()
        start_server()
        _, outcome = watch_labels(
            source, registry, name, commit, approval_seconds, full_check=full_check
        )
    if outcome:
        print_summary(outcome)


if __name__ == "__main__":
    run(main, "python -m flows.watch_labels", "python -m flows.watch_labels --from pull --commit")
