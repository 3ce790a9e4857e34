"""The stages of the project from DVC's files alone: what is left when its internals have changed.

Read are `dvc.yaml` (variables from `vars` and `params.yaml`, `matrix` and `foreach`), `dvc.lock`
and the `.dvc` files, from the root of the repository.
"""

import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tasks.pipeline.dvc_index import Stage

_VARIABLE = re.compile(r"\$\{\s*([^}]+?)\s*\}")
_MADE = ("outs", "metrics", "plots")
_USED = ("wdir", "deps", "params", *_MADE, "meta")
_FILES = Path("files", "md5")  # of DVC's cache, since 3.0


def read_stages() -> list[Stage]:
    """Every stage and source below this folder; see `tasks.pipeline.dvc_index.read_stages`."""
    return [
        stage
        for file in _project_files(Path())
        for stage in (_source(file) if file.suffix == ".dvc" else _stages(file))
    ]


def kept_files(hashes: Iterable[str]) -> list[Path]:
    """Where DVC's cache has these contents, if it does: nothing is brought."""
    command = [sys.executable, "-m", "dvc", "cache", "dir"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [Path(done.stdout.strip()) / _FILES / value[:2] / value[2:] for value in hashes]


def _project_files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        # A folder of data may hold a million files, and none of ours.
        folders[:] = [
            name for name in folders if not name.startswith(".") and f"{name}.dvc" not in names
        ]
        for name in names:
            if name == "dvc.yaml" or Path(name).suffix == ".dvc":
                yield Path(folder, name)


def _source(file: Path) -> list[Stage]:
    data = _read(file)
    return [
        Stage(
            address=file.as_posix(),
            file=file.as_posix(),
            meta=data.get("meta") or {},
            outs=_paths(file.parent / data.get("wdir", "."), data["outs"]),
            is_import="deps" in data,
        )
    ]


def _stages(file: Path) -> list[Stage]:
    data, lock = _read(file), file.with_suffix(".lock")
    locked = _read(lock).get("stages", {}) if lock.exists() else {}
    variables = _variables(file.parent, data.get("vars", []))
    prefix = "" if file == Path("dvc.yaml") else f"{file.as_posix()}:"
    return [
        _stage(f"{prefix}{name}", file, filled, locked.get(name, {}))
        for each, definition in data.get("stages", {}).items()
        for name, filled in _expanded(each, definition, variables)
    ]


def _stage(address: str, file: Path, definition: Mapping[str, Any], locked: Any) -> Stage:
    folder = file.parent / definition.get("wdir", ".")
    made = [entry for kind in _MADE for entry in definition.get(kind) or []]
    deps, outs = _paths(folder, definition.get("deps") or []), _paths(folder, made)
    return Stage(
        address=address,
        file=file.as_posix(),
        meta=definition.get("meta") or {},
        deps={**deps, **_paths(folder, locked.get("deps") or [], deps)},
        outs={**outs, **_paths(folder, locked.get("outs") or [], outs)},
        params=frozenset(_paths(folder, _param_files(definition.get("params") or []))),
        unpushed=frozenset(_paths(folder, _without(made, "push"))),
        uncached=frozenset(_paths(folder, _without(made, "cache"))),
    )


def _paths(
    folder: Path, entries: Iterable[Any], known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Path -> hash of entries as `dvc.yaml`, `dvc.lock` or a `.dvc` file has them, if `known`."""
    found = {}
    for entry in entries:
        name, value = entry, ""
        if isinstance(entry, dict) and "path" in entry:
            name, value = entry["path"], entry.get("md5", "")
        elif isinstance(entry, dict):
            (name,) = entry
        path = Path(os.path.normpath(folder / name)).as_posix()
        if "://" not in str(name) and (known is None or path in known):
            found[path] = value
    return found


def _param_files(params: Iterable[Any]) -> Iterator[str]:
    for entry in params:
        yield from entry if isinstance(entry, dict) else ["params.yaml"]


def _without(made: Iterable[Any], what: str) -> list[Any]:
    """The outputs for which `dvc.yaml` says `what: false`."""
    named = (entry for entry in made if isinstance(entry, dict))
    return [entry for entry in named if (next(iter(entry.values())) or {}).get(what) is False]


def _variables(folder: Path, parts: Iterable[Any]) -> dict[str, Any]:
    default = folder / "params.yaml"
    variables = _read(default) if default.exists() else {}
    for part in parts:
        variables |= part if isinstance(part, dict) else _read(folder / part.partition(":")[0])
    return variables


def _expanded(name: str, definition: Any, variables: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The stages that one entry of `stages` stands for: (name, definition without variables)."""
    if "matrix" in definition:
        axes = _filled(definition["matrix"], variables)
        for values in itertools.product(*axes.values()):
            item = dict(zip(axes, values, strict=True))
            key = "-".join(map(str, values))
            yield f"{name}@{key}", _used(definition, {**variables, "item": item, "key": key})
    elif "foreach" in definition:
        for key, item in _items(_filled(definition["foreach"], variables)):
            here = {**variables, "item": item, "key": key}
            yield f"{name}@{key}", _used(definition["do"], here)
    else:
        yield name, _used(definition, variables)


def _used(definition: Mapping[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
    """What is read of a stage, filled in; a command may hold variables of the shell's."""
    return {name: _filled(definition[name], variables) for name in _USED if name in definition}


def _items(values: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(values, dict):
        return values.items()
    plain = not any(isinstance(value, dict | list) for value in values)
    return [(value if plain else number, value) for number, value in enumerate(values)]


def _filled(value: Any, variables: dict[str, Any]) -> Any:
    """`value` with each `${name}` in it replaced; a text that is one name alone by any value."""
    if isinstance(value, dict):
        return {_filled(key, variables): _filled(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, variables) for part in value]
    if not isinstance(value, str):
        return value
    if alone := _VARIABLE.fullmatch(value):
        return _look_up(alone[1], variables)
    return _VARIABLE.sub(lambda match: str(_look_up(match[1], variables)), value)


def _look_up(name: str, variables: Any) -> Any:
    for part in re.split(r"[.\[\]]+", name.rstrip("]")):
        variables = variables[int(part) if isinstance(variables, list) else part]
    return variables


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return content
