"""The plan of a run: what it would make again, and why."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from lradapt.cli.output import console, print_json
from tasks.pipeline import dvc_files, graph
from tasks.pipeline.graph import Node


@dataclass(frozen=True, slots=True)
class Plan:
    """The actions of a run, before it runs.

    Attributes:
        sources: data without a version in DVC yet; the run adds them.
        nodes: of DVC's graph, in order.
    """

    sources: Sequence[str]
    nodes: Sequence[Node]


def read(project_file: str, *, full_check: bool = False) -> Plan:
    """Return the plan of the flow for the present files; for `full_check` see `flows.retrain`."""
    dvc_files.mend()
    if full_check:
        graph.read_every_file()
    return Plan(graph.unversioned_sources(project_file), graph.read_plan.fn(project_file))


def as_json(plan: Plan) -> dict[str, object]:
    """Return the plan as JSON, for programs."""
    nodes = [
        {"address": node.address, "stale": node.stale, "reasons": node.reasons, "meta": node.meta}
        for node in plan.nodes
    ]
    return {"unversioned": plan.sources, "nodes": nodes}


def as_table(plan: Plan) -> Table:
    """Return the plan as a table, for people: what would run, with its reasons."""
    table = Table("what would run", "why", title="plan", show_lines=True)
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
    else:
        console().print(as_table(plan))
