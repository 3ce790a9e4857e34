"""The sources: data that the stages read and no stage makes; DVC or git versions them."""

import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from tasks.git import GitError
from tasks.pipeline.dvc_index import Stage, read_stages
from tasks.pipeline.graph import graph_of, is_source, overlaps, read_graph


def unversioned_sources(project_file: str, stages: Sequence[Stage]) -> list[str]:
    """Return the data that the stages read and neither a stage makes nor DVC or git versions.

    Args:
        project_file: path of the `dvc.yaml` whose stages count, with those that they need.
        stages: all of the repository.
    """
    wanted = set(graph_of(stages, project_file))
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
