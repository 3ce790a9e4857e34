"""What one stage needs on a machine that has only the code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.graph import find_stage, in_project, overlaps, repository


@dataclass(frozen=True, slots=True)
class Needs:
    """What one stage needs; all paths are in the project.

    Attributes:
        address: of the stage.
        code: files that git keeps.
        data: what DVC's remote keeps, once it is pushed.
        texts: files that say which data and which values: `dvc.yaml`, `dvc.lock`, `params.yaml`,
            the `.dvc` files.
        unpushed: what the stage makes that never goes to the remote (`push: false`).
    """

    address: str
    code: tuple[str, ...]
    data: tuple[str, ...]
    texts: tuple[str, ...]
    unpushed: tuple[str, ...]


def read_needs(address: str) -> list[Needs]:
    """What a stage needs, by DVC's graph.

    What never goes to the remote must be made again on the other machine. So the stages that make
    it come first, in order, and the stage itself last.
    """
    with repository() as repo:
        made = {Path(out.fs_path): out for stage in repo.index.stages for out in stage.outs}
        found: dict[str, Needs] = {}
        _visit(repo, find_stage(repo, address), made, found)
        return list(found.values())


def _visit(repo: Any, stage: Any, made: dict[Path, Any], found: dict[str, Needs]) -> None:
    """Add the stages that must run again for `stage`, and then itself."""
    values = [dep for dep in stage.deps if hasattr(dep, "params")]
    read = [Path(dep.fs_path) for dep in stage.deps if dep not in values]
    inputs = [out for path in read for place, out in made.items() if overlaps(path, {place})]
    for out in inputs:
        if not out.can_push and out.stage.addressing not in found:
            _visit(repo, out.stage, made, found)
    texts = [name for each in (stage, *(out.stage for out in inputs)) for name in _described(each)]
    found[stage.addressing] = Needs(
        address=stage.addressing,
        code=tuple(
            path.relative_to(repo.root_dir).as_posix()
            for path in read
            if not overlaps(path, set(made))
        ),
        data=tuple(in_project(repo, out) for out in inputs if out.can_push),
        texts=tuple(dict.fromkeys([*texts, *(in_project(repo, dep) for dep in values)])),
        unpushed=tuple(in_project(repo, out) for out in stage.outs if not out.can_push),
    )


def _described(stage: Any) -> list[str]:
    """The files that define a stage or a source, and that say what it last made."""
    path = Path(stage.path_in_repo)
    both = [path] if path.suffix == ".dvc" else [path, path.with_suffix(".lock")]
    return [each.as_posix() for each in both]


def has_outputs(address: str) -> bool:
    """Whether DVC's cache has all that a stage made when it last ran."""
    with repository() as repo:
        return not any(out.changed_cache() for out in find_stage(repo, address).outs)


def uncached_outputs(address: str) -> list[str]:
    """What a stage makes that DVC's cache does not keep (`cache: false`)."""
    with repository() as repo:
        outs = find_stage(repo, address).outs
        return [in_project(repo, out) for out in outs if not out.use_cache]
