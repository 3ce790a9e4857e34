"""The plan of a run: what it would make again, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from lradapt.cli.doubtful import exclusion_in_words
from lradapt.cli.output import console, print_json
from lradapt.config.params import load_params
from lradapt.config.paths import PARAMS_FILE, read_paths
from lradapt.data.labels import class_sizes
from lradapt.data.similar_names import find_similar_names
from tasks.pipeline import dvc_files
from tasks.pipeline.dvc_index import read_stages
from tasks.pipeline.plan import Node, read_every_file, read_plan
from tasks.pipeline.sources import unversioned_sources


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions of a run, before it runs.

    Attributes:
        sources: data without a version in DVC yet; the run adds them.
        nodes: of DVC's graph, in order.
        similar_names: classes that may be two spellings of one, in words.
        left_out: of the training, because of doubtful labels, in words; "" for nothing.
    """

    sources: Sequence[str]
    nodes: Sequence[Node]
    similar_names: Sequence[str] = ()
    left_out: str = ""


def read(project_file: str, *, full_check: bool = False) -> Plan:
    """Return the plan of the flow for the present files; for `full_check` see `flows.retrain`."""
    dvc_files.mend()
    if full_check:
        read_every_file()
    stages = read_stages()
    nodes = read_plan.fn(project_file, stages)
    return Plan(unversioned_sources(project_file, stages), nodes, _similar_names(), _left_out())


def _similar_names() -> list[str]:
    path = read_paths().labels
    if not path.exists():
        return []
    return [found.words for found in find_similar_names(class_sizes(path))]


def _left_out() -> str:
    if not PARAMS_FILE.exists():
        return ""
    return exclusion_in_words(load_params().doubtful_labels, read_paths().doubtful_summary)


def as_json(plan: Plan) -> dict[str, object]:
    """Return the plan as JSON, for programs."""
    nodes = [
        {"address": node.address, "stale": node.stale, "reasons": node.reasons, "meta": node.meta}
        for node in plan.nodes
    ]
    similar = list(plan.similar_names)
    return {
        "unversioned": plan.sources,
        "nodes": nodes,
        "similar_names": similar,
        "left_out": plan.left_out,
    }


def as_table(plan: Plan) -> Table:
    """Return the plan as a table, for people: what would run, with its reasons."""
    table = Table("what would run", "reason", title="plan", show_lines=True)
    for path in plan.sources:
        table.add_row(path, "DVC has no version of it yet")
    for node in plan.nodes:
        if node.stale:
            table.add_row(node.address, "\n".join(node.reasons))
    fresh = [node.address for node in plan.nodes if not node.stale]
    table.caption = (
        f"up to date: {', '.join(fresh) or 'nothing'}\n(labels and weights were read; an image "
        "whose time and size are as before counts as unchanged: --full-check reads each one)"
    )
    return table


def show(plan: Plan, *, as_data: bool) -> None:
    """Print the plan."""
    if as_data:
        print_json(as_json(plan))
        return
    console().print(as_table(plan))
    if plan.left_out:
        console().print(plan.left_out)
    if plan.similar_names:
        names = ", ".join(plan.similar_names)
        console().print(f"similar names: {names}; if they are one class, correct labels.csv")
