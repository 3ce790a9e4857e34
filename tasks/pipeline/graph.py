"""DVC's graph: its nodes, which of them are stale, and why."""

import json
import logging
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import networkx as nx
from prefect import task

from lradapt.config.code_file import write_code_file
from lradapt.review.confirmed import write_confirmed
from tasks.git import GitError
from tasks.pipeline import dvc_commands, dvc_index
from tasks.pipeline.code_changes import explain_code
from tasks.pipeline.dvc_index import Stage

log = logging.getLogger("lradapt.plan")

_SOURCE = ".dvc"
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


def is_source(address: str) -> bool:
    """Return whether an address is the path of a `.dvc` file."""
    return address.endswith(_SOURCE)


@task(persist_result=False)
def read_plan(project_file: str) -> list[Node]:
    """Return the stages of one `dvc.yaml` and all nodes that they need, in order, with reasons.

    Writes the code file of each `dvc.yaml` first, so that DVC sees edits of the code. The sources
    that are single files (labels, weights) are read, so that a content which was replaced under
    its former time and size is seen. In a folder (the images), DVC trusts time and size.

    Args:
        project_file: path of the `dvc.yaml` in the repository. Stages of another `dvc.yaml` are
            included only if these stages read their outputs.
    """
    graph = read_graph(project_file)
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


def cut(plan: Sequence[Node], made: str) -> tuple[list[Node], list[Node]]:
    """Return two parts of a plan.

    Returns:
        The sources and all nodes needed to make the path `made`; and all other nodes.
    """
    (maker,) = (node for node in plan if made in node.makes)
    first = maker.needs | {maker.address}
    upper = [node for node in plan if node.is_source or node.address in first]
    return upper, [node for node in plan if node not in upper]


def read_graph(project_file: str) -> "nx.DiGraph[str]":
    """Return a graph of addresses; an edge leads from a node to a node that needs it.

    Each node has `file`, `meta`, `makes` and `has_run`: whether DVC has recorded a run of it.
    """
    return _graph_of(read_stages(), project_file)


def _graph_of(stages: Sequence[Stage], project_file: str) -> "nx.DiGraph[str]":
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


def read_stages() -> list[Stage]:
    """Return every stage and source of the repository."""
    return dvc_index.read_stages()


def find(address: str) -> Stage:
    """Return the stage or source with this address."""
    return next(stage for stage in read_stages() if stage.address == address)


def is_cached(stage: Stage) -> bool:
    """Return whether DVC's cache has all outputs of the stage's last run."""
    hashes = [stage.outs[path] for path in stage.outs if path not in stage.uncached]
    return all(hashes) and all(path.exists() for path in dvc_index.cache_paths(hashes))


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


def unversioned_sources(project_file: str) -> list[str]:
    """Return the data that the stages read and neither a stage makes nor DVC or git versions."""
    stages = read_stages()
    wanted = set(_graph_of(stages, project_file))
    made = {Path(path) for stage in stages for path in stage.outs}
    read = {path for stage in stages if stage.address in wanted for path in stage.deps}
    return _ignored_by_git(path for path in sorted(read) if not overlaps(Path(path), made))


def read_sources(project_file: str) -> list[str]:
    """Return the `.dvc` files of the data that the stages need and no stage makes."""
    return sorted(address for address in read_graph(project_file) if is_source(address))


def versioned_files(project_file: str) -> list[str]:
    """Return the files to commit to git: the `.dvc` files and the lock file."""
    return [*read_sources(project_file), str(Path(project_file).with_suffix(".lock"))]


def imported(sources: Iterable[str]) -> list[str]:
    """Return the sources that `dvc update` can refresh.

    These are the sources made by `dvc import` or `dvc import-url`.
    """
    imports = {stage.address for stage in read_stages() if stage.is_import}
    return [source for source in sources if source in imports]


def has_remote() -> bool:
    """Return whether a default remote is set, for `dvc push` and `dvc pull`."""
    return dvc_index.has_remote()


def recorded_files(made: str, wanted: Sequence[str]) -> dict[str, Path]:
    """Return the inputs and outputs recorded at the last run of the stage that writes `made`.

    Args:
        made: a path in the project.
        wanted: paths that the stage reads or makes. Contents that are missing in DVC's cache are
            fetched from its remote, if one is set.

    Returns:
        Path in the project -> the cache path of the content recorded in `dvc.lock`; that file may
        be missing, if it was never cached or was removed. Empty if the stage has not run yet.
    """
    stage = next(stage for stage in read_stages() if made in stage.outs)
    recorded = {**stage.deps, **stage.outs}
    hashes = {path: recorded[path] for path in wanted if recorded.get(path)}
    return dict(zip(hashes, dvc_index.kept_files(list(hashes.values())), strict=True))


def behind(nodes: Sequence[Node]) -> list[str]:
    """Return the stages whose entry in `dvc.lock` is missing, or has outdated inputs.

    Outdated inputs differ from the current outputs of other stages. Such stages remain after an
    interrupted run.
    """
    addresses = {node.address for node in nodes}
    stages = [stage for stage in read_stages() if stage.address in addresses]
    made = {path: value for stage in stages for path, value in stage.outs.items()}
    return [
        stage.address
        for stage in stages
        if not all(stage.outs.values())
        or any(made.get(path, value) != value for path, value in stage.deps.items())
    ]


def overlaps(path: Path, made: set[Path]) -> bool:
    """Return whether `path` is an output, is inside an output folder, or contains an output."""
    within = not made.isdisjoint([path, *path.parents])
    return within or any(path in out.parents for out in made)


def _ignored_by_git(paths: Iterable[str]) -> list[str]:
    """Return the paths that git ignores; these are data, not code.

    Raises:
        GitError: git does not know the folder, or does not trust its owner.
    """
    done = subprocess.run(
        ["git", "check-ignore", "--stdin"],
        input="\n".join(paths),
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 1):  # 1: none of them
        raise GitError(f"git cannot tell which files are data: {done.stderr.strip()}")
    return done.stdout.splitlines()
