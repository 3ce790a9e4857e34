"""`build/code.json`: the code that each stage of a `dvc.yaml` uses, for DVC to compare.

A stage names its module under `params`, as in `${path.code}: [lradapt.stages.finetune]`. So no
stage lists source files, and a changed file makes exactly those stages stale that use it.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lradapt.config.yaml_files import read_yaml
from lradapt.runtime.code_fingerprint import as_tree, code_of
from lradapt.runtime.files import write_text

_KEY = "${path.code}"


def write_code_file(project_file: Path) -> Path | None:
    """Write the code of every module that the stages name, unless the file is up to date.

    Args:
        project_file: a `dvc.yaml`, as a path from the project's folder, which is the current one.

    Returns:
        The file; None if the `dvc.yaml` has no path `code`.

    Raises:
        LradaptError: the `dvc.yaml` is missing or is not YAML, or a stage names a module that does
            not exist.
    """
    project = _read(project_file)
    path = _path(project, "code")
    if path is None:
        return None
    code = code_of(sorted(set(_named_modules(project))), Path.cwd())
    text = json.dumps(as_tree(code), indent=1) + "\n"
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        write_text(path, text)
    return path


def read_code_path(project_file: Path) -> Path | None:
    """Read the path `code` of a `dvc.yaml`; None if it has none."""
    return read_path(project_file, "code")


def read_path(project_file: Path, name: str) -> Path | None:
    """Read one path of a `dvc.yaml`; None if it has none of this name."""
    return _path(_read(project_file), name)


def _read(project_file: Path) -> dict[str, Any]:
    return dict(read_yaml(project_file) or {})


def _path(project: dict[str, Any], name: str) -> Path | None:
    tables = [part.get("path", {}) for part in project.get("vars", []) if isinstance(part, dict)]
    return next((Path(table[name]) for table in tables if name in table), None)


def _named_modules(project: dict[str, Any]) -> Iterator[str]:
    for stage in project.get("stages", {}).values():
        for entry in stage.get("params", []):
            if isinstance(entry, dict):
                yield from entry.get(_KEY, [])
