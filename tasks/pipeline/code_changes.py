"""Which source files have changed since a stage last ran, by `dvc.lock` and the code file.

DVC says only that the code of a module is modified; see `lradapt.config.code_file`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

Code = Mapping[str, str]
"""Path of a source file -> hash of its content."""


def explain_code(
    entries: Iterable[Any], address: str, project_file: Path, code_file: Path
) -> list[Any]:
    """Return the entries of `dvc status` for one stage, with changed code named file by file.

    The code file must be up to date.
    """
    return [
        part
        for entry in entries
        for part in (
            [entry]
            if isinstance(entry, str)
            else _explained(entry, address, project_file, code_file)
        )
    ]


def _explained(
    entry: dict[str, Any], address: str, project_file: Path, code_file: Path
) -> Iterator[Any]:
    ((kind, paths),) = entry.items()
    modules = paths.get(code_file.as_posix())
    if not isinstance(modules, dict):
        yield entry
        return
    before = _locked(project_file, address, code_file)
    now = json.loads(code_file.read_text(encoding="utf-8"))
    for module in modules:
        yield from _differences(before.get(module, {}), _code_of(module, now))
    others = {path: what for path, what in paths.items() if path != code_file.as_posix()}
    if others:
        yield {kind: others}


def files_of(modules: Iterable[str], code_file: Path) -> list[str]:
    """Return the source files that the modules use, as paths in the project."""
    tree = json.loads(code_file.read_text(encoding="utf-8"))
    return sorted({path for module in modules for path in _code_of(module, tree)})


def _locked(project_file: Path, address: str, code_file: Path) -> Mapping[str, Code]:
    """Return the code of each module with which a stage last ran."""
    path = project_file.with_suffix(".lock")
    lock = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
    entry = lock.get("stages", {}).get(address.removeprefix(f"{project_file}:"), {})
    code: Mapping[str, Code] = entry.get("params", {}).get(code_file.as_posix(), {})
    return code


def _code_of(module: str, tree: Mapping[str, Any]) -> Code:
    branch: Any = tree
    for part in module.split("."):
        branch = branch[part]
    return dict(branch)


def _differences(before: Code, now: Code) -> Iterator[str]:
    for path in sorted({*before, *now}):
        if before.get(path) != now.get(path):
            state = "new" if path not in before else "gone" if path not in now else "modified"
            yield f"{path} is {state}"
