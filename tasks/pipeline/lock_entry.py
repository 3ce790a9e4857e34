"""Reads the entry of a stage in `dvc.lock` as YAML, and writes it in the format of DVC."""

import io
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from lradapt.runtime.files import write_text
from tasks.pipeline.graph import find_stage


def read(address: str) -> str:
    """Return the entry of a stage, as YAML."""
    path, name = _place(address)
    # As in DVC, YAML 1.2: 1e-05 is a number.
    return _dumped(YAML(typ="safe").load(path)["stages"][name])


def write(address: str, entry: str) -> None:
    """Replace the entry of a stage, or add it at the end."""
    path, name = _place(address)
    lock: Any = YAML().load(path) if path.exists() else {"schema": "2.0"}
    lock.setdefault("stages", {})[name] = YAML(typ="safe").load(entry)
    write_text(path, _dumped(lock))


def path_of(address: str) -> Path:
    """Return the path of the `dvc.lock` that has the entry of a stage."""
    return _place(address)[0]


def _place(address: str) -> tuple[Path, str]:
    stage = find_stage(address)
    return Path(stage.file).with_suffix(".lock"), address.removeprefix(f"{stage.file}:")


def _dumped(value: Any) -> str:
    stream = io.StringIO()
    YAML().dump(value, stream)
    return stream.getvalue()
