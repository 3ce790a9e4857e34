"""DVC's graph, what of it is stale and why."""

import json
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any

import networkx as nx
from prefect import task

from lradapt.config.code_file import write_code_file
from tasks.pipeline import dvc_commands, dvc_index
from tasks.pipeline.code_changes import explain_code
from tasks.pipeline.dvc_index import Stage

_SOURCE = ".dvc"
_ALWAYS = "always changed"


@dataclass(frozen=True, slots=True)
class Node:
    """A stage, or a versioned source, of DVC's graph.

    Attributes:
        address: what `dvc repro` takes: a stage's name, or the path of a `.dvc` file.
        reasons: why it may have to be made again: what of it has changed, and which of the nodes
            that it needs directly may be made again.
        meta: of the stage in dvc.yaml: retries, timeout, queue.
        makes: paths in the project.
        needs: addresses of all that must be made before it.
    """

    address: str
    reasons: tuple[str, ...] = ()
    meta: dict[str, Any] = field(default_factory=dict)
    makes: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()

    @property
    def stale(self) -> bool:
        """Whether itself or something above it has changed."""
        return bool(self.reasons)

    @property
    def is_source(self) -> bool:
        """Whether it is versioned data that no stage makes."""
        return is_source(self.address)


def is_source(address: str) -> bool:
    """Whether an address is the path of a `.dvc` file."""
    return address.endswith(_SOURCE)


@task(persist_result=False)
def read_plan(project_file: str) -> list[Node]:
    """Read the stages of one `dvc.yaml` and all they need, in order, with why they are stale.

    Writes the code file of each `dvc.yaml` first, so that DVC sees edits of the code.

    Args:
        project_file: path of the `dvc.yaml` in the repository; those of others stay out, but for
            the stages whose files it reads.
    """
    graph = read_graph(project_file)
    files = {str(file) for _, file in graph.nodes(data="file")}
    code_files = {file: write_code_file(Path(file)) for file in files if not is_source(file)}
    status = read_status(project_file)
    reasons: dict[str, tuple[str, ...]] = {}
    for address in nx.lexicographical_topological_sort(graph):
        above = [need for need in sorted(graph.predecessors(address)) if reasons[need]]
        carried = [f"{need} above it is to be made again" for need in above]
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


def changes(status: Iterable[Any]) -> Iterator[str]:
    """What `dvc status` says of one stage, a sentence each."""
    for entry in status:
        if isinstance(entry, str):
            yield {_ALWAYS: "it is made at every run"}.get(entry, entry)
        else:
            for path, what in next(iter(entry.values())).items():
                named = {path: what} if isinstance(what, str) else _params(path, what)
                yield from (f"{name} is {state}" for name, state in named.items())


def _params(file: str, states: dict[str, str]) -> dict[str, str]:
    return {f"{name} in {file}": state for name, state in states.items()}


def cut(plan: Sequence[Node], made: str) -> tuple[list[Node], list[Node]]:
    """The sources and all that leads to the path `made`; and the rest of a plan."""
    (maker,) = (node for node in plan if made in node.makes)
    first = maker.needs | {maker.address}
    upper = [node for node in plan if node.is_source or node.address in first]
    return upper, [node for node in plan if node not in upper]


def read_graph(project_file: str) -> "nx.DiGraph[str]":
    """Return addresses with `file`, `meta`, `makes`, `has_run`; edges lead from what is needed.

    `has_run` says whether DVC has recorded anything of it.
    """
    return _graph_of(read_stages(), project_file)


def _graph_of(stages: Sequence[Stage], project_file: str) -> "nx.DiGraph[str]":
    """The stages of one `dvc.yaml` and all they need."""
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
    """(Who makes a path, a folder in which it lies, or something in it; who reads the path)."""
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
    """Those in which a path lies."""
    return [folder.as_posix() for folder in PurePath(path).parents]


def read_stages() -> list[Stage]:
    """Every stage and source of the repository."""
    return dvc_index.read_stages()


def find(address: str) -> Stage:
    """The stage or source of this address."""
    return next(stage for stage in read_stages() if stage.address == address)


def is_cached(stage: Stage) -> bool:
    """Whether DVC's cache has what a stage made when it last ran."""
    hashes = [stage.outs[path] for path in stage.outs if path not in stage.uncached]
    return all(hashes) and all(path.exists() for path in dvc_index.cache_paths(hashes))


def read_status(project_file: str) -> dict[str, Any]:
    """What `dvc status` says has changed of a `dvc.yaml` and all it needs: address -> entries.

    Raises:
        CommandFailedError: DVC cannot tell; with its own words.
    """
    said = dvc_commands.ask("status", "--json", "--with-deps", project_file)
    changed: dict[str, Any] = json.loads(said or "{}")
    return changed


def unversioned_sources(project_file: str) -> list[str]:
    """Data that the stages read, that no stage makes, and that neither DVC nor git versions yet."""
    stages = read_stages()
    wanted = set(_graph_of(stages, project_file))
    made = {Path(path) for stage in stages for path in stage.outs}
    read = {path for stage in stages if stage.address in wanted for path in stage.deps}
    return _ignored_by_git(path for path in sorted(read) if not overlaps(Path(path), made))


def read_sources(project_file: str) -> list[str]:
    """The `.dvc` files of the data that the stages need and none makes."""
    return sorted(address for address in read_graph(project_file) if is_source(address))


def versioned_files(project_file: str) -> list[str]:
    """The files that name the versions of data and results; what git keeps of them."""
    return [*read_sources(project_file), str(Path(project_file).with_suffix(".lock"))]


def imported(sources: Iterable[str]) -> list[str]:
    """Those that `dvc update` brings: made by `dvc import` or `dvc import-url`."""
    imports = {stage.address for stage in read_stages() if stage.is_import}
    return [source for source in sources if source in imports]


def has_remote() -> bool:
    """Whether a default remote is set, to which DVC pushes and from which it pulls."""
    return bool(dvc_commands.ask("config", "core.remote").strip())


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
    stage = next(stage for stage in read_stages() if made in stage.outs)
    recorded = {**stage.deps, **stage.outs}
    hashes = {path: recorded[path] for path in wanted if recorded.get(path)}
    return dict(zip(hashes, dvc_index.kept_files(list(hashes.values())), strict=True))


def behind(nodes: Sequence[Node]) -> list[str]:
    """The stages that `dvc.lock` has with other inputs than the others made last, or not at all.

    So it stands where a run did not come to its end.
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
    """Whether `path` is made, lies in a folder that is made, or is a folder in which files are."""
    within = not made.isdisjoint([path, *path.parents])
    return within or any(path in out.parents for out in made)


def _ignored_by_git(paths: Iterable[str]) -> list[str]:
    """Code is in git; data is what git ignores."""
    done = subprocess.run(
        ["git", "check-ignore", "--stdin"],
        input="\n".join(paths),
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()
