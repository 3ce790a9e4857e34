"""The stages of the project as DVC reads them.

With `tasks.processes.dvc_fork` it is the only module that uses DVC's internals.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lradapt.config.params_text import require_read_by_dvc
from lradapt.config.paths import PARAMS_FILE
from lradapt.errors import LradaptError, listed
from tasks.pipeline import dvc_files

_REMEDY = (
    "If a command was killed while it wrote the file, `git checkout` restores it; a .dvc file "
    "whose data are here can be removed instead, and a dvc.lock too: the flow makes both again"
)

_NO_GIT = (
    "A project that was downloaded as a zip has no history: make it a repository with `git init`, "
    "and run again; nothing has to be committed"
)


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of a `dvc.yaml`, or the source that a `.dvc` file names.

    Paths are relative to the project's root; files outside it are left out. A hash is the one
    recorded in `dvc.lock` or the `.dvc` file; "" if none is recorded.

    Attributes:
        address: what `dvc repro` takes: a stage's name, or the path of a `.dvc` file.
        file: path of the `dvc.yaml` or `.dvc` file.
        meta: the `meta` of the stage in dvc.yaml.
        deps: the inputs: path -> hash; empty for an import.
        outs: the outputs: path -> hash.
        params: params file -> the names of the params that the stage reads.
        unpushed: the outputs that are never pushed to DVC's remote (`push: false`).
        uncached: the outputs that DVC's cache does not keep (`cache: false`).
        is_import: whether `dvc update` can refresh it.
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
    """Return every stage and source of the repository; `matrix` and `vars` are resolved."""
    require_whole_sources()
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


def require_whole_sources() -> None:
    """Check the `.dvc` files beside the data: DVC's own words for a broken one are a traceback.

    Raises:
        LradaptError: some of them are half written; the message lists all.
    """
    broken = [str(path) for path in sorted(Path("data").glob("*.dvc")) if not _is_whole(path)]
    if broken:
        raise LradaptError(f"these files are no sources of DVC:\n{listed(broken)}\n{_REMEDY}")


def _is_whole(path: Path) -> bool:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    outs = content.get("outs") if isinstance(content, dict) else None
    return isinstance(outs, list) and all(isinstance(out, dict) and "path" in out for out in outs)


def kept_files(hashes: Sequence[str]) -> list[Path]:
    """Return the cache paths of these contents; fetch missing ones, if a remote is set."""
    with repository() as repo:
        cache = repo.cache.local
        if repo.config["core"].get("remote"):
            entries = [entry for stage in repo.index.stages for entry in (*stage.deps, *stage.outs)]
            known = {entry.hash_info.value: entry.hash_info for entry in _files(entries)}
            lacking = [known[value] for value in hashes if not cache.exists(value)]
            repo.cloud.pull(lacking)
        return [Path(cache.oid_to_path(value)) for value in hashes]


def has_remote() -> bool:
    """Return whether a default remote is set, for `dvc push` and `dvc pull`."""
    with repository() as repo:
        return bool(repo.config["core"].get("remote"))


def cache_paths(hashes: Sequence[str]) -> list[Path]:
    """Return the cache paths of these contents; missing ones are not fetched."""
    with repository() as repo:
        return [Path(repo.cache.local.oid_to_path(value)) for value in hashes]


def forget_hashes(paths: Iterable[str] | None) -> None:
    """Let DVC compute the hashes of these files again; without this it trusts time and size.

    Args:
        paths: files, as paths in the project; None: every file that DVC has ever hashed here.
    """
    with repository() as repo:
        known = repo.state.hashes
        if paths is None:
            known.clear()
            return
        for path in paths:
            known.pop(str(Path(repo.root_dir) / path), None)


def _params(root: Path, entries: Iterable[Any]) -> dict[str, tuple[str, ...]]:
    params = (entry for entry in entries if hasattr(entry, "params"))
    return {path: tuple(entry.params) for path, entry in _inside(root, params)}


def _hashes(root: Path, entries: Iterable[Any]) -> dict[str, str]:
    return {path: entry.hash_info.value or "" for path, entry in _inside(root, _files(entries))}


def _paths(root: Path, entries: Iterable[Any]) -> frozenset[str]:
    return frozenset(path for path, _ in _inside(root, entries))


def _inside(root: Path, entries: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the entries inside the project, each with its path from the root."""
    for entry in entries:
        path = Path(entry.fs_path)
        if path.is_relative_to(root):
            yield path.relative_to(root).as_posix(), entry


def _files(entries: Iterable[Any]) -> Iterator[Any]:
    """Return the entries that are files or folders, not params."""
    return (entry for entry in entries if not hasattr(entry, "params"))


def adopt_settings(folder: Path) -> None:
    """Set up this repository with the remotes and the cache of another one on this machine."""
    with repository(folder) as other:
        settings, cache = other.config.read(), other.cache.local_cache_dir
    with repository() as repo, repo.config.edit("local") as own:
        own.update(core=settings["core"], remote=settings["remote"])
        own["cache"] = {**settings["cache"], "dir": cache}


@contextmanager
def repository(folder: Path | None = None) -> Iterator[Any]:
    """Open DVC's `Repo` object of the current folder, or of another one, for the block.

    Raises:
        LradaptError: there is no repository, no git, one of its files cannot be read, DVC cannot
            read the params, or this version of DVC has other internals.
    """
    params = (folder or Path()) / PARAMS_FILE
    if params.exists():
        require_read_by_dvc(params)
    from dvc import __version__
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.repo import Repo
    from dvc.scm import SCMError

    here = folder or Path.cwd()
    try:
        with Repo(str(folder) if folder else None, config=_own_settings()) as repo:
            yield repo
    except NotDvcRepoError as error:
        raise LradaptError(
            f"{here} is in no DVC repository: run from the project's folder, or make it one with "
            "`dvc init`"
        ) from error
    except SCMError as error:
        raise LradaptError(f"DVC needs git, and in {here}: {error}. {_NO_GIT}") from error
    except DvcException as error:
        raise LradaptError(f"DVC cannot read its files: {error}. {_REMEDY}") from error
    except (ImportError, AttributeError) as error:
        raise LradaptError(
            f"the internals of DVC {__version__} are not those that lradapt knows ({error}); "
            "install dvc 3.67.1"
        ) from error


def _own_settings() -> dict[str, dict[str, str]]:
    return {"core": {"site_cache_dir": str(dvc_files.site_cache())}}
