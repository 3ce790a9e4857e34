"""DVC's graph and what of it is stale: the one module that touches DVC's internals."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import networkx as nx
from prefect import task

from lradapt.errors import LradaptError

_SOURCE = ".dvc"


@dataclass(frozen=True, slots=True)
class Node:
    """A stage, or a versioned source, of DVC's graph.

    Attributes:
        address: what `dvc repro` takes: a stage's name, or the path of a `.dvc` file.
        stale: whether itself or something above it has changed.
        meta: of the stage in dvc.yaml: retries, timeout, queue.
        makes: paths in the project.
        needs: addresses of all that must be made before it.
    """

    address: str
    stale: bool
    meta: dict[str, Any] = field(default_factory=dict)
    makes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    @property
    def is_source(self) -> bool:
        """Whether it is versioned data that no stage makes."""
        return self.address.endswith(_SOURCE)


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
    return [
        Node(node, node in stale, **graph.nodes[node], needs=frozenset(nx.ancestors(graph, node)))
        for node in order
    ]


def cut(plan: Sequence[Node], made: str) -> tuple[list[Node], list[Node]]:
    """The sources and all that leads to the path `made`; and the rest of a plan."""
    (maker,) = (node for node in plan if made in node.makes)
    first = maker.needs | {maker.address}
    upper = [node for node in plan if node.is_source or node.address in first]
    return upper, [node for node in plan if node not in upper]


def read_graph(project_file: str) -> "nx.DiGraph[str]":
    """Addresses with `meta` and `makes`; an edge leads from what is needed to what needs it."""
    with _repository() as repo:
        needs = repo.index.graph
        graph: nx.DiGraph[str] = nx.DiGraph()
        for stage in needs:
            meta = getattr(stage, "meta", None) or {}
            makes = frozenset(_in_project(repo, out) for out in stage.outs)
            graph.add_node(stage.addressing, meta=meta, makes=makes)
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
    with _repository() as repo:
        made = {Path(out.fs_path) for stage in repo.index.stages for out in stage.outs}
        wanted = set(read_graph(project_file))
        stages = [stage for stage in repo.index.stages if stage.addressing in wanted]
        read = {dep.fs_path for stage in stages for dep in stage.deps if dep.fs_path}
        root = Path(repo.root_dir)
        sources = [path for path in sorted(read) if not _overlaps(Path(path), made)]
        ignored = _ignored_by_git(root, sources)
    return [str(Path(path).relative_to(root)) for path in ignored]


def read_sources(project_file: str) -> list[str]:
    """The `.dvc` files of the data that the stages need and none makes."""
    return sorted(address for address in read_graph(project_file) if address.endswith(_SOURCE))


def versioned_files(project_file: str) -> list[str]:
    """The files that name the versions of data and results; what git keeps of them."""
    return [*read_sources(project_file), str(Path(project_file).with_suffix(".lock"))]


def imported(sources: Iterable[str]) -> list[str]:
    """Those that `dvc update` brings: made by `dvc import` or `dvc import-url`."""
    with _repository() as repo:
        imports = {stage.addressing for stage in repo.index.stages if stage.is_import}
    return [source for source in sources if source in imports]


def has_remote() -> bool:
    """Whether a default remote is set, to which DVC pushes and from which it pulls."""
    with _repository() as repo:
        return bool(repo.config["core"].get("remote"))


def recorded_files(made: str, wanted: Sequence[str]) -> dict[str, Path]:
    """What the stage that makes the path `made` read and made when it last ran.

    Args:
        made: a path in the project.
        wanted: paths that the stage reads or makes; what DVC's cache lacks is brought from its
            remote, where one is set.

    Returns:
        Path in the project -> where DVC's cache has its content of then, by `dvc.lock`; no file is
        there where it was never kept, or was removed. Empty: the stage has not run yet.
    """
    with _repository() as repo:
        stage = next(
            stage
            for stage in repo.index.stages
            if made in {_in_project(repo, out) for out in stage.outs}
        )
        hashes = {
            _in_project(repo, entry): entry.hash_info
            for entry in [*stage.deps, *stage.outs]
            if entry.hash_info and _in_project(repo, entry) in wanted
        }
        cache = repo.cache.local
        lacking = [known for known in hashes.values() if not cache.exists(known.value)]
        if lacking and repo.config["core"].get("remote"):
            repo.cloud.pull(lacking)
        return {path: Path(cache.oid_to_path(known.value)) for path, known in hashes.items()}


def behind(nodes: Sequence[Node]) -> list[str]:
    """The stages that `dvc.lock` has with other inputs than the others made last, or not at all.

    So it stands where a run did not come to its end.
    """
    addresses = {node.address for node in nodes}
    with _repository() as repo:
        stages = [stage for stage in repo.index.stages if stage.addressing in addresses]
        made = {out.fs_path: out.hash_info for stage in stages for out in stage.outs}
        return [
            stage.addressing
            for stage in stages
            if not all(out.hash_info for out in stage.outs)
            or any(made.get(dep.fs_path, dep.hash_info) != dep.hash_info for dep in stage.deps)
        ]


@contextmanager
def _repository() -> Iterator[Any]:
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        repo = Repo()
    except NotDvcRepoError:
        raise LradaptError(
            f"{Path.cwd()} is in no DVC repository: run from the project's folder, or make it one "
            "with `dvc init`"
        ) from None
    with repo:
        yield repo


def _in_project(repo: Any, entry: Any) -> str:
    return Path(entry.fs_path).relative_to(repo.root_dir).as_posix()


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
