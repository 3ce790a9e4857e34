"""What a run shows: the report as a file, and its gist in Prefect's UI."""

import base64
import logging
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from lradapt import changes_report, report
from lradapt.cli_changes import printed
from lradapt.files import write_text
from lradapt.layout import read_paths
from lradapt.release import Outcome
from lradapt.update import Decision
from tasks.data import Comparison, Former, compare_with

log = logging.getLogger("lradapt.changes")


@task(persist_result=False)
def show(outcome: Outcome | None) -> None:
    """Write the report, and put the summary and the confusion matrix into the UI."""
    paths = read_paths()
    write_text(paths["report"], report.render(paths, outcome))
    rows = "\n".join(f"| {what} | {value} |" for what, value in report.summary(paths, outcome))
    picture = base64.b64encode(paths["confusion_plot"].read_bytes()).decode()
    create_markdown_artifact(
        f"| | |\n|---|---|\n{rows}\n\n![confusion matrix](data:image/png;base64,{picture})",
        key="retrain-summary",
        description="What was trained, how good it is, and what the gate decided",
    )


@task(persist_result=False)
def show_changes(former: Former, *, split_is_new: bool) -> Comparison:
    """Compare the data with a former version, and put what has changed into the UI.

    Args:
        former: the version last trained on.
        split_is_new: whether `split.csv` is of the data as they are; else their sides are unknown.
    """
    comparison = compare_with(former, split_is_new=split_is_new)
    changes = comparison.changes
    create_markdown_artifact(
        changes_report.as_markdown(changes) if changes else comparison.sentence,
        key="data-changes",
        description="What has changed in the data since the version last trained on",
    )
    return comparison


def log_changes(comparison: Comparison) -> None:
    """What has changed, to the log: the tables of the terminal."""
    changes = comparison.changes
    log.info("%s", printed(changes) if changes else comparison.sentence)


@task(persist_result=False)
def show_decision(decision: Decision) -> None:
    """Say whether the changes are worth a training, and why."""
    line = f"{'training' if decision.retrain else 'no training'}: {decision.why}"
    log.info("%s", line)
    create_markdown_artifact(line, key="data-decision", description="Whether to train, and why")


@task(persist_result=False)
def show_tables(project_file: str) -> str:
    """Put the tables of the comparison into the UI; their Markdown."""
    tables = read_paths(Path(project_file))["tables"].read_text(encoding="utf-8")
    create_markdown_artifact(
        tables,
        key="benchmark-tables",
        description="The scheme beside conventional training, by the clock",
    )
    return tables
