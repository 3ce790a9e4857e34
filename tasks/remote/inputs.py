"""The files that one stage needs on a machine that has only the code."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lradapt.config.code_file import read_code_path, write_code_file
from tasks.pipeline.code_changes import files_of
from tasks.pipeline.dvc_index import Stage, read_stages
from tasks.pipeline.graph import overlaps


@dataclass(frozen=True, slots=True)
class Needs:
    """The files that one stage needs; all paths are in the project.

    Attributes:
        address: the address of the stage.
        code: files in git.
        data: files in DVC's remote, after a push.
        texts: files that define data and params: `dvc.yaml`, `dvc.lock`, `params.yaml`, the
            `.dvc` files.
        unpushed: outputs of the stage that are never pushed to the remote (`push: false`).
    """

    address: str
    code: tuple[str, ...]
    data: tuple[str, ...]
    texts: tuple[str, ...]
    unpushed: tuple[str, ...]


def read_needs(address: str) -> list[Needs]:
    """Return the files that a stage needs, from DVC's graph.

    Files that are never pushed to the remote must be made again on the other machine. So the list
    has the stages that make them first, in order, and the stage itself last.
    """
    stages = {stage.address: stage for stage in read_stages()}
    write_code_file(Path(stages[address].file))
    found: dict[str, Needs] = {}
    _visit(stages[address], list(stages.values()), found)
    return list(found.values())


def _visit(stage: Stage, stages: Sequence[Stage], found: dict[str, Needs]) -> None:
    """Add the stages that must run again for `stage`, and then itself."""
    makers = [(maker, path) for maker in stages for path in maker.outs if _reads(stage, path)]
    for maker, path in makers:
        if path in maker.unpushed and maker.address not in found:
            _visit(maker, stages, found)
    made = {Path(path) for _, path in makers}
    files = [file for each in (stage, *(maker for maker, _ in makers)) for file in _files(each)]
    code_file = read_code_path(Path(stage.file))
    modules = stage.params.get(str(code_file), ())
    found[stage.address] = Needs(
        address=stage.address,
        code=(
            *(path for path in stage.deps if not overlaps(Path(path), made)),
            *(files_of(modules, code_file) if code_file and modules else ()),
        ),
        data=tuple(path for maker, path in makers if path not in maker.unpushed),
        # The other machine writes the code file of its own code.
        texts=tuple(dict.fromkeys([*files, *sorted(stage.params.keys() - {str(code_file)})])),
        unpushed=tuple(sorted(stage.unpushed)),
    )


def _files(stage: Stage) -> list[str]:
    """Return the files that define a stage or a source, and that record its last run."""
    lock = Path(stage.file).with_suffix(".lock")
    return [stage.file] if stage.file.endswith(".dvc") else [stage.file, lock.as_posix()]


def _reads(stage: Stage, made: str) -> bool:
    return any(overlaps(Path(dep), {Path(made)}) for dep in stage.deps)
