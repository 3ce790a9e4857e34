"""DVC's graph: which stage or source makes what another one reads."""

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import networkx as nx

from tasks.pipeline.dvc_index import Stage, read_stages

_SOURCE = ".dvc"


def read_graph(project_file: str) -> "nx.DiGraph[str]":
    """Return a graph of addresses; an edge leads from a node to a node that needs it.

    Each node has `file`, `meta`, `makes` and `has_run`: whether DVC has recorded a run of it.
    """
    return graph_of(read_stages(), project_file)


def graph_of(stages: Sequence[Stage], project_file: str) -> "nx.DiGraph[str]":
    """Return the graph of the stages of one `dvc.yaml` and all nodes that they need."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    for stage in stages:
        has_run = any([*stage.deps.values(), *stage.outs.values()])
        makes = frozenset(stage.outs)
        graph.add_node(
            stage.address, file=stage.file, meta=stage.meta, makes=makes, has_run=has_run
        )
    graph.add_edges_from(_edges(stages))
    own = [stage.address for stage in stages if stage.file == project_file]
    wanted = set(own).union(*(nx.ancestors(graph, node) for node in own))
    return graph.subgraph(wanted)


def find_stage(address: str) -> Stage:
    """Return the stage or source with this address."""
    return next(stage for stage in read_stages() if stage.address == address)


def is_source(address: str) -> bool:
    """Return whether an address is the path of a `.dvc` file."""
    return address.endswith(_SOURCE)


def overlaps(path: Path, made: set[Path]) -> bool:
    """Return whether `path` is an output, is inside an output folder, or contains an output."""
    within = not made.isdisjoint([path, *path.parents])
    return within or any(path in out.parents for out in made)


def _edges(stages: Sequence[Stage]) -> Iterator[tuple[str, str]]:
    """Yield (producer, consumer).

    The producer writes the path that the consumer reads, a parent folder of it, or a file in it.
    """
    makers: dict[str, set[str]] = {}
    around: dict[str, set[str]] = {}
    for stage in stages:
        for path in stage.outs:
            makers.setdefault(path, set()).add(stage.address)
            for folder in _folders(path):
                around.setdefault(folder, set()).add(stage.address)
    for stage in stages:
        for dep in stage.deps:
            over = (makers.get(path, set()) for path in (dep, *_folders(dep)))
            needs = around.get(dep, set()).union(*over)
            yield from ((need, stage.address) for need in needs)


def _folders(path: str) -> list[str]:
    """Return all parent folders of a path."""
    return [folder.as_posix() for folder in PurePath(path).parents]
