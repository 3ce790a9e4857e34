"""What a run shows: the report as a file, and its parts in Prefect's UI."""

import logging
from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from lradapt.cli.changes import printed
from lradapt.config.params import load_params
from lradapt.config.paths import read_path_table, read_paths
from lradapt.data.retrain_decision import Decision
from lradapt.production.release import Outcome
from lradapt.reporting import changes_report, report
from lradapt.reporting.changes_report import ChangesSummary
from lradapt.reporting.markdown import escaped
from lradapt.reporting.mistakes import Mistake, surest_mistakes
from lradapt.reporting.pages import png_uri
from lradapt.reporting.pictures import range_tests
from lradapt.runtime import costs
from lradapt.runtime.files import write_text
from lradapt.runtime.timings import Timings, read_timings
from tasks.data import Comparison, Previous, compare_with
from tasks.pipeline.graph import Node

log = logging.getLogger("lradapt.changes")

_DESCRIPTIONS = {
    "rates": "The range tests, from which the learning rates are read",
    "seconds-and-cost": "What each phase of this run has taken",
    "confusion-matrix": "What the new model answers to the images of the exam",
    "mistakes": "The images of the exam that the new model names wrongly while it is surest",
    "summary": "What was trained, and how good it is",
    "verdict": "What the gate decided, and why",
}


@task(persist_result=False)
def show_plan(plan: Sequence[Node]) -> None:
    """Put into the UI what is to be made, before it is."""
    lines = [f"| `{node.address}` | {'; '.join(node.reasons) or 'up to date'} |" for node in plan]
    create_markdown_artifact(
        "| node | |\n|---|---|\n" + "\n".join(lines),
        key="plan",
        description="Which nodes of DVC's graph are to be made again, and why",
    )


@task(persist_result=False)
def show(outcome: Outcome | None, location: str, former: Timings, changes: ChangesSummary) -> None:
    """Write the report, and put its parts into the UI.

    Args:
        outcome: of the gate; None where nothing was published.
        location: of the registry.
        former: the timings before this run.
        changes: of the data since the version last trained on.
    """
    paths, params = read_paths(), load_params()
    price, most = params.cost.price, params.report.mistakes
    page = report.render(
        paths, outcome, former=former, price=price, num_mistakes=most, changes=changes
    )
    write_text(paths.report, page)
    done = costs.phases(read_timings(paths.timings), former)
    pictures = range_tests(paths)
    mistakes = surest_mistakes(paths.predictions, paths.split, paths.pixels, most=most)
    parts = {
        "rates": "\n\n".join(_picture(title, image) for title, image in pictures.items()),
        "seconds-and-cost": costs.as_markdown(done, price),
        "confusion-matrix": _picture("confusion matrix", paths.confusion_plot.read_bytes()),
        "mistakes": _mistakes(mistakes),
        "summary": _table(report.summary(paths, outcome)),
        "verdict": _verdict(outcome, location, paths.report),
    }
    for key, text in parts.items():
        if text:
            create_markdown_artifact(text, key=key, description=_DESCRIPTIONS[key])


def _table(rows: Sequence[report.Row]) -> str:
    lines = "\n".join(f"| {what} | {_cell(value)} |" for what, value in rows)
    return f"| | |\n|---|---|\n{lines}"


def _cell(value: str) -> str:
    return value.replace("|", "\\|")


def _picture(title: str, image: bytes) -> str:
    """In Markdown, with its bytes: an image artifact would print them across the page."""
    return f"**{title}**\n\n![{title}]({png_uri(image)})"


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    """With their pictures; empty where none is to be shown."""
    lines = [
        f"| ![]({each.picture}) | {escaped(each.label)} | {escaped(each.predicted)} "
        f"| {each.confidence:.1%} | {escaped(each.image)} |"
        for each in mistakes
    ]
    head = ["| | label | called | confidence | image |", "|---|---|---|--:|---|"]
    return "\n".join([*head, *lines]) if lines else ""


def _verdict(outcome: Outcome | None, location: str, page: Path) -> str:
    here = f"report: [{page}]({page.resolve().as_uri()})"
    if outcome is None:
        return f"**dry run**: neither published nor judged.\n\n{here}"
    kept = "" if outcome.move else ", which stays out of production"
    return (
        f"**{outcome.verdict.decision}**: {outcome.verdict.why}.\n\n"
        f"version `{outcome.version}`{kept}, in `{location}`: "
        f"`lradapt show {outcome.version} --registry {location}`\n\n{here}"
    )


@task(persist_result=False)
def show_changes(previous: Previous, *, split_is_new: bool) -> Comparison:
    """Compare the data with a previous version, and show the changes in the UI.

    Args:
        previous: the version last trained on.
        split_is_new: whether `split.csv` is of the data as they are; else their sides are unknown.
    """
    comparison = compare_with(previous, split_is_new=split_is_new)
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
    tables = read_path_table(Path(project_file))["tables"].read_text(encoding="utf-8")
    create_markdown_artifact(
        tables,
        key="benchmark-tables",
        description="The scheme beside conventional training, by the clock",
    )
    return tables
