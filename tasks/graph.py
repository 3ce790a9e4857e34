"""DVC's graph and what of it is stale: the one module that touches DVC's internals."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from prefect import task


@dataclass(frozen=True, slots=True)
class Node:
    """A stage, or a versioned source, of DVC's graph.

    Attributes:
        address: what `dvc repro` takes: a stage's name, or the path of a `.dvc` file.
        stale: whether itself or something above it has changed.
        meta: of the stage in dvc.yaml: retries, timeout, queue.
    """

    address: str
    stale: bool
    meta: dict[str, Any] = field(default_factory=dict)


@task(persist_result=False)
def read_plan(project_file: str) -> list[Node]:
    """The stages of one `dvc.yaml` and all they need, in order; the changed make all below stale.

    Args:
        project_file: path of the `dvc.yaml` in the repository; those of others stay out, but for
            the stages whose files it reads.
    """
    graph = read_graph(project_file)
    changed = set(read_status(project_file))
    stale = changed.union(*(nx.descendants(graph, node) for node in changed if node in graph))
    order = nx.lexicographical_topological_sort(graph)
    return [Node(node, node in stale, graph.nodes[node]["meta"]) for node in order]


def read_graph(project_file: str) -> "nx.DiGraph[str]":
    """Addresses with their `meta`; an edge leads from what is needed to what needs it."""
    from dvc.repo import Repo

    with Repo() as repo:
        needs = repo.index.graph
        graph: nx.DiGraph[str] = nx.DiGraph()
        for stage in needs:
            graph.add_node(stage.addressing, meta=getattr(stage, "meta", None) or {})
        graph.add_edges_from((need.addressing, stage.addressing) for stage, need in needs.edges)
        own = [stage.addressing for stage in needs if stage.path_in_repo == project_file]
    wanted = set(own).union(*(nx.ancestors(graph, node) for node in own))
    return graph.subgraph(wanted)


def read_status(project_file: str) -> dict[str, Any]:
    """What `dvc status` says has changed of a `dvc.yaml` and all it needs: address -> reasons."""
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "status", "--json", "--with-deps", project_file],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"dvc status failed: {done.stderr.strip()}")
    changed: dict[str, Any] = json.loads(done.stdout or "{}")
    return changed


def unversioned_sources(project_file: str) -> list[str]:
    """Data that the stages read, that no stage makes, and that neither DVC nor git versions yet."""
    from dvc.repo import Repo

    with Repo() as repo:
        made = {Path(out.fs_path) for stage in repo.index.stages for out in stage.outs}
        wanted = set(read_graph(project_file))
        stages = [stage for stage in repo.index.stages if stage.addressing in wanted]
        read = {dep.fs_path for stage in stages for dep in stage.deps if dep.fs_path}
        root = Path(repo.root_dir)
        sources = [path for path in sorted(read) if not _overlaps(Path(path), made)]
        ignored = _ignored_by_git(root, sources)
    return [str(Path(path).relative_to(root)) for path in ignored]


def _overlaps(path: Path, made: set[Path]) -> bool:
    """Whether `path` is made, lies in a folder that is made, or is a folder in which files are."""
    within = not made.isdisjoint([path, *path.parents])
    return within or any(path in out.parents for out in made)


def _ignored_by_git(root: Path, paths: Iterable[str]) -> list[str]:
    """Code is in git; data is what git ignores."""
    done = subprocess.run(
        ["git", "check-ignore", "--stdin"],
        cwd=root,
        input="\n".join(paths),
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()
