"""What a run would make again, and why; printed, and nothing is run."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from lradapt.cli.output import console, print_json
from tasks.pipeline import graph
from tasks.pipeline.graph import Node


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        sources: data that no version is kept of yet; the run lets DVC keep them.
        nodes: of DVC's graph, in order.
    """

    sources: Sequence[str]
    nodes: Sequence[Node]


def read(project_file: str) -> Plan:
    """The plan of the flow as things stand."""
    return Plan(graph.unversioned_sources(project_file), graph.read_plan.fn(project_file))


def as_json(plan: Plan) -> dict[str, object]:
    """For programs."""
    nodes = [
        {"address": node.address, "stale": node.stale, "reasons": node.reasons, "meta": node.meta}
        for node in plan.nodes
    ]
    return {"unversioned": plan.sources, "nodes": nodes}


def as_table(plan: Plan) -> Table:
    """For people: what would run with its reasons, and what would not."""
    table = Table("what would run", "why", title="plan", show_lines=True)
    for path in plan.sources:
        table.add_row(path, "no version of it is kept yet")
    for node in plan.nodes:
        if node.stale:
            table.add_row(node.address, "\n".join(node.reasons))
    fresh = [node.address for node in plan.nodes if not node.stale]
    table.caption = f"up to date: {', '.join(fresh) or 'nothing'}"
    return table


def show(plan: Plan, *, as_data: bool) -> None:
    """Print it."""
    if as_data:
        print_json(as_json(plan))
    else:
        console().print(as_table(plan))
