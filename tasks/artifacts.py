"""What a run shows: the report as a file, and its gist in Prefect's UI."""

import base64
from pathlib import Path

from prefect import task
from prefect.artifacts import create_markdown_artifact

from lradapt import report
from lradapt.files import write_text
from lradapt.layout import read_paths
from lradapt.release import Outcome


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
def show_tables(project_file: str) -> str:
    """Put the tables of the comparison into the UI; their Markdown."""
    tables = read_paths(Path(project_file))["tables"].read_text(encoding="utf-8")
    create_markdown_artifact(
        tables,
        key="benchmark-tables",
        description="The scheme beside conventional training, by the clock",
    )
    return tables
