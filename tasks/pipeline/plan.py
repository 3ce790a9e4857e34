"""The plan of a run: the nodes of DVC's graph, which of them are stale, and why."""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from prefect import task

from lradapt.config.code_file import write_code_file
from lradapt.review.confirmed import write_confirmed
from tasks.pipeline import dvc_commands, dvc_index
from tasks.pipeline.code_changes import explain_code
from tasks.pipeline.dvc_index import Stage, read_stages
from tasks.pipeline.graph import graph_of, is_source

log = logging.getLogger("lradapt.plan")

_ALWAYS = "always changed"


@dataclass(frozen=True, slots=True)
class Node:
    """A stage, or a versioned source, of DVC's graph.

    Attributes:
        address: what `dvc repro` takes: a stage's name, or the path of a `.dvc` file.
        reasons: why the node is stale: its own changes, and its stale direct inputs; empty if it
            is not stale.
        meta: the `meta` of the stage in dvc.yaml: retries, timeout, queue.
        makes: the outputs, as paths in the project.
        needs: the addresses of all nodes above it in the graph.
    """

    address: str
    reasons: tuple[str, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)
    makes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    @property
    def stale(self) -> bool:
        """Whether the node or one of its inputs has changed."""
        return bool(self.reasons)

    @property
    def is_source(self) -> bool:
        """Whether the node is versioned data that no stage makes."""
        return is_source(self.address)


@task(persist_result=False)
def read_plan(project_file: str, stages: Sequence[Stage] | None = None) -> list[Node]:
    """Return the stages of one `dvc.yaml` and all nodes that they need, in order, with reasons.

    Writes the code file of each `dvc.yaml` first, so that DVC sees edits of the code. The sources
    that are single files (labels, weights) are read, so that a content which was replaced under
    its former time and size is seen. In a folder (the images), DVC trusts time and size.

    Args:
        project_file: path of the `dvc.yaml` in the repository. Stages of another `dvc.yaml` are
            included only if these stages read their outputs.
        stages: all of the repository, if they have just been read.
    """
    graph = graph_of(stages or read_stages(), project_file)
    dvc_index.forget_hashes(_source_files(graph))
    files = {str(file) for _, file in graph.nodes(data="file")}
    code_files = {file: write_code_file(Path(file)) for file in files if not is_source(file)}
    for file in code_files:
        write_confirmed(Path(file))
    status = read_status(project_file)
    reasons: dict[str, tuple[str, ...]] = {}
    for address in nx.lexicographical_topological_sort(graph):
        above = [need for need in sorted(graph.predecessors(address)) if reasons[need]]
        carried = [f"its input {need} is stale" for need in above]
        entries, file = status.get(address, []), graph.nodes[address]["file"]
        code_file = code_files.get(file)
        if code_file and code_file.as_posix() in graph.nodes[address]["makes"]:
            entries = [entry for entry in entries if entry != _ALWAYS]  # it is up to date
        elif code_file:
            entries = explain_code(entries, address, Path(file), code_file)
        own = tuple(changes(entries))
        if own and not graph.nodes[address]["has_run"]:
            own = ("it has not run yet",)
        reasons[address] = (*own, *carried)
    return [
        Node(
            address,
            reasons[address],
            meta=graph.nodes[address]["meta"],
            makes=graph.nodes[address]["makes"],
            needs=frozenset(nx.ancestors(graph, address)),
        )
        for address in reasons
    ]


def _source_files(graph: "nx.DiGraph[str]") -> list[str]:
    """Return the sources that are single files."""
    makes = (made for address, made in graph.nodes(data="makes") if is_source(address))
    return sorted(path for made in makes for path in made if Path(path).is_file())


def read_every_file() -> None:
    """Let the next plan read every file of data and results, whatever its time and size say."""
    dvc_index.forget_hashes(None)


@task(persist_result=False)
def trust_times(*, full_check: bool) -> None:
    """Log what the next plan trusts; with `full_check` it reads every file of data and results."""
    if full_check:
        log.info("full check: every file of data and results is read")
        read_every_file()
    else:
        log.info(
            "labels and weights are read; an image whose time and size are as before counts as "
            "unchanged (--full-check reads each one)"
        )


def changes(status: Iterable[Any]) -> Iterator[str]:
    """Yield one sentence for each entry of `dvc status` of one stage."""
    for entry in status:
        if isinstance(entry, str):
            yield {_ALWAYS: "it runs every time"}.get(entry, entry)
        else:
            for path, what in next(iter(entry.values())).items():
                named = {path: what} if isinstance(what, str) else _params(path, what)
                yield from (f"{name} is {state}" for name, state in named.items())


def _params(file: str, states: dict[str, str]) -> dict[str, str]:
    return {f"{name} in {file}": state for name, state in states.items()}


def cut_plan(plan: Sequence[Node], made: str) -> tuple[list[Node], list[Node]]:
    """Return two parts of a plan.

    Returns:
        The sources and all nodes needed to make the path `made`; and all other nodes.
    """
    (maker,) = (node for node in plan if made in node.makes)
    first = maker.needs | {maker.address}
    upper = [node for node in plan if node.is_source or node.address in first]
    return upper, [node for node in plan if node not in upper]


def cut_after(plan: Sequence[Node], made: str) -> tuple[Sequence[Node], Sequence[Node]]:
    """Return a plan up to the node that makes the path `made`, and the nodes after it."""
    (place,) = (number for number, node in enumerate(plan, 1) if made in node.makes)
    return plan[:place], plan[place:]


def read_status(project_file: str) -> dict[str, Any]:
    """Return the output of `dvc status` for a `dvc.yaml` and the stages it needs.

    Returns:
        Address -> entries.

    Raises:
        CommandFailedError: `dvc status` failed; the message is DVC's.
    """
    output = dvc_commands.ask("status", "--json", "--with-deps", project_file)
    changed: dict[str, Any] = json.loads(output or "{}")
    return changed
