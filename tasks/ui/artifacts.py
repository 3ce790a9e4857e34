"""The report of a run as a file, and its parts as artifacts in Prefect's UI."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from lradapt.cli.changes import printed
from lradapt.config.params import load_params
from lradapt.config.paths import Paths, read_path_table, read_paths
from lradapt.config.project_name import own
from lradapt.data.retrain_decision import Decision
from lradapt.drift.period_drift import Drift
from lradapt.production.release import Outcome
from lradapt.reporting import changes_report, drift_report, report, run_summary
from lradapt.reporting.changes_report import ChangesSummary
from lradapt.reporting.markdown import escaped
from lradapt.reporting.mistakes import Mistake, most_confident_mistakes
from lradapt.reporting.pages import png_uri
from lradapt.reporting.pictured_images import PicturedImages
from lradapt.reporting.pictures import range_test_pngs
from lradapt.runtime import costs
from lradapt.runtime.files import write_text
from lradapt.runtime.timings import Timings, read_timings
from tasks.data import Comparison, Previous, compare_with
from tasks.pipeline.plan import Node

log = logging.getLogger("lradapt.changes")

_DESCRIPTIONS = {
    "rates": "The range tests that determine the learning rates",
    "seconds-and-cost": "Seconds and cost of each phase of this run",
    "confusion-matrix": "Predictions of the new model for the test images, by true class",
    "mistakes": "The most confident mistakes of the new model on the test images",
    "summary": "Data, network, learning rates and metrics of this run",
    "verdict": "The decision of the gate, and its reason",
}


@task(persist_result=False)
def show_plan(plan: Sequence[Node]) -> None:
    """Create an artifact with the stages that are going to run, and why."""
    lines = [f"| `{node.address}` | {'; '.join(node.reasons) or 'up to date'} |" for node in plan]
    create_markdown_artifact(
        "| node | |\n|---|---|\n" + "\n".join(lines),
        key=own("plan"),
        description="The nodes of DVC's graph that are going to run, and why",
    )


@contextmanager
def training_drawn_beside() -> Iterator[None]:
    """Draw the curves of the training in a thread, while the stages of the block run.

    The pictures are kept, so that `draw_training` finds them.
    """
    with ThreadPoolExecutor(1) as executor:
        drawing = executor.submit(_draw_beside, read_paths())
        yield
    drawing.result()


def _draw_beside(paths: Paths) -> None:
    report.draw_curves(paths)
    range_test_pngs(paths)


def draw_training() -> report.Pictures:
    """Draw the curves of the training that the stages have made."""
    return report.draw(read_paths())


@task(persist_result=False)
def show(
    outcome: Outcome | None,
    location: str,
    previous: Timings,
    changes: ChangesSummary,
    pictures: report.Pictures,
) -> None:
    """Write the report, and create an artifact for each of its parts."""
    paths, params = read_paths(), load_params()
    price, most = params.cost.price, params.report.mistakes
    page = report.render(
        paths,
        outcome,
        pictures=pictures,
        previous=previous,
        price=price,
        num_mistakes=most,
        changes=changes,
    )
    write_text(paths.report, page)
    done = costs.phases(read_timings(paths.timings), previous)
    sweeps = range_test_pngs(paths)
    mistakes = most_confident_mistakes(paths.predictions, PicturedImages(paths), most=most)
    parts = {
        "rates": "\n\n".join(_picture(title, image) for title, image in sweeps.items()),
        "seconds-and-cost": costs.as_markdown(done, price),
        "confusion-matrix": _picture("confusion matrix", paths.confusion_plot.read_bytes()),
        "mistakes": _mistakes(mistakes),
        "summary": _table(run_summary.summary(paths, outcome)),
        "verdict": _verdict(outcome, location, paths.report),
    }
    for key, text in parts.items():
        if text:
            create_markdown_artifact(text, key=own(key), description=_DESCRIPTIONS[key])


def _table(rows: Sequence[run_summary.Row]) -> str:
    lines = "\n".join(f"| {what} | {_cell(value)} |" for what, value in rows)
    return f"| | |\n|---|---|\n{lines}"


def _cell(value: str) -> str:
    return value.replace("|", "\\|")


def _picture(title: str, image: bytes) -> str:
    """Return an image in Markdown: an image artifact would show its data URI as text."""
    return f"**{title}**\n\n![{title}]({png_uri(image)})"


def _mistakes(mistakes: Sequence[Mistake]) -> str:
    """Return a table with the pictures; empty if there are no mistakes."""
    lines = [
        f"| ![]({each.picture}) | {escaped(each.label)} | {escaped(each.predicted)} "
        f"| {each.confidence:.1%} | {escaped(each.image)} |"
        for each in mistakes
    ]
    head = ["| | label | predicted | confidence | image |", "|---|---|---|--:|---|"]
    return "\n".join([*head, *lines]) if lines else ""


def _verdict(outcome: Outcome | None, location: str, page: Path) -> str:
    here = f"report: [{page}]({page.resolve().as_uri()})"
    if outcome is None:
        return f"**dry run**: not published, and the gate made no decision.\n\n{here}"
    kept = "" if outcome.promotion else " (not promoted)"
    return (
        f"**{outcome.verdict.decision}**: {outcome.verdict.reason}.\n\n"
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
        key=own("data-changes"),
        description="Changes of the data since the version last trained on",
    )
    return comparison


def log_changes(comparison: Comparison) -> None:
    """Log the changes of the data as tables."""
    changes = comparison.changes
    log.info("%s", printed(changes) if changes else comparison.sentence)


@task(persist_result=False)
def show_decision(decision: Decision) -> None:
    """Log whether retraining is needed, and create an artifact with the reason."""
    line = f"{'training' if decision.retrain else 'no training'}: {decision.reason}"
    log.info("%s", line)
    create_markdown_artifact(
        line, key=own("data-decision"), description="Whether retraining is needed, and why"
    )


@task(persist_result=False)
def show_drift(drift: Drift) -> None:
    """Log what was found in each period, and create an artifact with plot and table."""
    for each in drift.periods:
        log.info("%s: %s", each.name, drift_report.cells(each)[-1])
    for note in drift.notes:
        log.info("note: %s", note)
    create_markdown_artifact(
        drift_report.as_markdown(drift),
        key=own("drift"),
        description="Whether the images are still like those that the model was tested on",
    )


@task(persist_result=False)
def show_tables(project_file: str) -> str:
    """Create an artifact with the tables of the comparison, and return their Markdown."""
    tables = read_path_table(Path(project_file))["tables"].read_text(encoding="utf-8")
    create_markdown_artifact(
        tables,
        key=own("benchmark-tables"),
        description="Times of this method and of conventional training",
    )
    return tables
