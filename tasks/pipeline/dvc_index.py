"""The stages of the project as DVC itself has them: the one module that touches DVC's internals."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lradapt.errors import LradaptError


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a `dvc.yaml`, or the source that a `.dvc` file names.

    Paths are relative to the project's root; what lies outside has none. A hash is what `dvc.lock`
    or the `.dvc` file has; "" where that is nothing.

    Attributes:
        address: what `dvc repro` takes: a stage's name, or the path of a `.dvc` file.
        file: path of the `dvc.yaml` or `.dvc` file.
        meta: of the stage in dvc.yaml.
        deps: path -> hash; of an import none.
        outs: path -> hash.
        params: file of values -> the names of those that it reads.
        unpushed: those of `outs` that never go to DVC's remote (`push: false`).
        uncached: those of `outs` that DVC's cache does not keep (`cache: false`).
        is_import: whether `dvc update` brings it.
    """

    address: str
    file: str
    meta: dict[str, Any] = field(default_factory=dict)
    deps: dict[str, str] = field(default_factory=dict)
    outs: dict[str, str] = field(default_factory=dict)
    params: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unpushed: frozenset[str] = frozenset()
    uncached: frozenset[str] = frozenset()
    is_import: bool = False


def read_stages() -> list[Stage]:
    """Every stage and source of the repository, matrices expanded, variables filled in."""
    with repository() as repo:
        root = Path(repo.root_dir)
        return [
            Stage(
                address=stage.addressing,
                file=stage.path_in_repo,
                meta=getattr(stage, "meta", None) or {},
                deps={} if stage.is_import else _hashes(root, stage.deps),
                outs=_hashes(root, stage.outs),
                params=_params(root, stage.deps),
                unpushed=_paths(root, (out for out in stage.outs if not out.can_push)),
                uncached=_paths(root, (out for out in stage.outs if not out.use_cache)),
                is_import=stage.is_import,
            )
            for stage in repo.index.stages
        ]


def kept_files(hashes: Sequence[str]) -> list[Path]:
    """Where DVC's cache has these contents; what it lacks is brought, where a remote is set."""
    with repository() as repo:
        cache = repo.cache.local
        if repo.config["core"].get("remote"):
            entries = [entry for stage in repo.index.stages for entry in (*stage.deps, *stage.outs)]
            known = {entry.hash_info.value: entry.hash_info for entry in _files(entries)}
            lacking = [known[value] for value in hashes if not cache.exists(value)]
            repo.cloud.pull(lacking)
        return [Path(cache.oid_to_path(value)) for value in hashes]


def cache_paths(hashes: Sequence[str]) -> list[Path]:
    """Return where DVC's cache keeps these contents; what it lacks is not fetched."""
    with repository() as repo:
        return [Path(repo.cache.local.oid_to_path(value)) for value in hashes]


def _params(root: Path, entries: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    found = ((Path(dep.fs_path), dep.params) for dep in entries if hasattr(dep, "params"))
    return {
        path.relative_to(root).as_posix(): tuple(names)
        for path, names in found
        if path.is_relative_to(root)
    }


def _hashes(root: Path, entries: Iterable[Any]) -> dict[str, str]:
    paths = ((Path(entry.fs_path), entry.hash_info.value or "") for entry in _files(entries))
    return {
        path.relative_to(root).as_posix(): value
        for path, value in paths
        if path.is_relative_to(root)
    }


def _paths(root: Path, entries: Iterable[Any]) -> frozenset[str]:
    paths = (Path(entry.fs_path) for entry in entries)
    return frozenset(
        path.relative_to(root).as_posix() for path in paths if path.is_relative_to(root)
    )


def _files(entries: Iterable[Any]) -> Iterator[Any]:
    """Those that are files or folders, and not params."""
    return (entry for entry in entries if not hasattr(entry, "params"))


def adopt_settings(folder: Path) -> None:
    """Give the repository here the remotes and the cache of another one on this machine."""
    with repository(folder) as other:
        settings, cache = other.config.read(), other.cache.local_cache_dir
    with repository() as repo, repo.config.edit("local") as own:
        own.update(core=settings["core"], remote=settings["remote"])
        own["cache"] = {**settings["cache"], "dir": cache}


@contextmanager
def repository(folder: Path | None = None) -> Iterator[Any]:
    """A block with DVC's own object of the repository here, or in another folder.

    Raises:
        LradaptError: there is none, or DVC's internals are not those that this module knows.
    """
    from dvc import __version__
    from dvc.exceptions import NotDvcRepoError
    from dvc.repo import Repo

    try:
        repo = Repo(str(folder) if folder else None)
    except NotDvcRepoError as error:
        raise LradaptError(
            f"{folder or Path.cwd()} is in no DVC repository: run from the project's folder, or "
            "make it one with `dvc init`"
        ) from error
    try:
        with repo:
            yield repo
    except (ImportError, AttributeError) as error:
        raise LradaptError(
            f"the internals of DVC {__version__} are not those that lradapt knows ({error}); "
            "install dvc 3.67.1"
        ) from error
