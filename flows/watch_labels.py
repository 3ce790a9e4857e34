"""Bring the data, show what has changed since the last training, and train where it is worth it."""

from typing import Annotated

import typer
from prefect import flow

from flows import exit_on_error, run, speak_plainly, start_server
from flows.retrain import print_summary, retrain
from lradapt.cli.options import Debug, Name, Registry
from lradapt.config.paths import PROJECT_FILE, read_paths
from lradapt.data.retrain_decision import Decision
from lradapt.production.release import Outcome
from lradapt.registry import DEFAULT_LOCATION, DEFAULT_NAME, open_store
from lradapt.runtime import lock
from tasks import data, record, registry, stages
from tasks.pipeline import graph, lock_file
from tasks.ui import artifacts, events

_PROJECT = str(PROJECT_FILE)


@flow(name="watch-labels", persist_result=False)
def watch_labels(
    source: str = data.HERE,
    location: str = DEFAULT_LOCATION,
    name: str = DEFAULT_NAME,
    commit: bool = False,
    approval_seconds: int = 0,
    train: bool = True,
) -> tuple[Decision, Outcome | None]:
    """Bring the data, and retrain where they have changed enough: `watch` in params.yaml.

    Args:
        source: of the data: "here", "update", "pull" or a folder; see `tasks.data.bring`.
        location: of the registry.
        name: of the model in the registry.
        commit: commit the versions of data and stages to git.
        approval_seconds: see `flows.retrain.retrain`.
        train: here and now; else the event `lradapt.labels.changed` tells whoever trains.
    """
    with lock.run():
        lock_file.mend()
        if commit:
            record.require_git()
        comparison, decision = _look(source)
        if not decision.retrain and not registry.is_published(location, name):
            decision = Decision(True, "the model last trained was not published")
        training = decision.retrain and train
        if not training:
            artifacts.log_changes(comparison)  # else `retrain` does, when the new sides are known
        artifacts.show_decision(decision)
        outcome = retrain(location, name, approval_seconds=approval_seconds) if training else None
        record.push([node.address for node in graph.read_plan(_PROJECT)])
        if commit:
            record.commit(graph.versioned_files(_PROJECT), comparison.sentence)
        if decision.retrain and not training:  # never both: the data would be trained on twice
            events.labels_changed(name, decision, comparison.sentence)
        return decision, outcome


def _look(source: str) -> tuple[data.Comparison, Decision]:
    """Bring the data and decode them: what has changed, and whether it is worth a training."""
    data.bring(source, graph.read_sources(_PROJECT))
    registry.ensure_champion_file()
    stages.version_sources(graph.unversioned_sources(_PROJECT))
    previous = data.find_previous()
    images = read_paths().table
    decoding, rest = graph.cut(graph.read_plan(_PROJECT), str(images))
    stages.reproduce_stale(decoding)
    comparison = artifacts.show_changes(previous, split_is_new=False)
    return comparison, data.decide_retraining(comparison, graph.behind(rest))


def main(
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="Where the data come from: here (others write into data/), update (`dvc update` "
            "of what is imported), pull (`dvc pull`), or a folder with images/ and labels.csv.",
        ),
    ] = data.HERE,
    registry: Registry = DEFAULT_LOCATION,
    name: Name = DEFAULT_NAME,
    commit: Annotated[
        bool, typer.Option("--commit", help="Commit data/*.dvc and dvc.lock to git; nothing else.")
    ] = False,
    approval_seconds: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="SECONDS",
            help="Wait so long for a person's approval in the UI; 0: ask nobody.",
        ),
    ] = 0,
    debug: Debug = False,
) -> None:
    """Bring the data, show what has changed, and retrain where it is worth it.

    What is worth it, `watch` in params.yaml says. Prints what has changed since the
    last training, the decision with its reason, and the summary of a training.
    """
    speak_plainly()
    with exit_on_error(debug=debug):
        open_store(registry)  # a URL with a secret must not become a flow's parameter: it is kept
        start_server()
        _, outcome = watch_labels(source, registry, name, commit, approval_seconds)
    if outcome:
        print_summary(outcome)


if __name__ == "__main__":
    run(main, "python -m flows.watch_labels", "python -m flows.watch_labels --from pull --commit")
