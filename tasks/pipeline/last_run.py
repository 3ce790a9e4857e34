"""What DVC has recorded of the last run of each stage, in `dvc.lock` and in its cache."""

from collections.abc import Sequence
from pathlib import Path

from tasks.pipeline import dvc_index
from tasks.pipeline.dvc_index import Stage, read_stages
from tasks.pipeline.plan import Node


def is_cached(stage: Stage) -> bool:
    """Return whether DVC's cache has all outputs of the stage's last run."""
    hashes = [stage.outs[path] for path in stage.outs if path not in stage.uncached]
    return all(hashes) and all(path.exists() for path in dvc_index.cache_paths(hashes))


def recorded_files(made: str, wanted: Sequence[str], stages: Sequence[Stage]) -> dict[str, Path]:
    """Return the inputs and outputs recorded at the last run of the stage that writes `made`.

    Args:
        made: a path in the project.
        wanted: paths that the stage reads or makes. Contents that are missing in DVC's cache are
            fetched from its remote, if one is set.
        stages: all of the repository.

    Returns:
        Path in the project -> the cache path of the content recorded in `dvc.lock`; that file may
        be missing, if it was never cached or was removed. Empty if the stage has not run yet.
    """
    stage = next(stage for stage in stages if made in stage.outs)
    recorded = {**stage.deps, **stage.outs}
    hashes = {path: recorded[path] for path in wanted if recorded.get(path)}
    if not hashes:
        return {}
    return dict(zip(hashes, dvc_index.kept_files(list(hashes.values())), strict=True))


def unfinished_stages(nodes: Sequence[Node]) -> list[str]:
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
