"""Sources whose content was replaced under their former time and size, which DVC would not see.

DVC computes a hash again only if the time, the size or the inode of a file has changed. A flow lets
it forget the hashes (`tasks.pipeline.plan`); for `dvc repro` by hand, the stage `code`, which runs
first, gives such a file the present time.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lradapt.config.yaml_files import read_yaml


def touch_replaced(project_file: Path) -> list[Path]:
    """Give each source file whose content is not the recorded one the present time.

    Only single files with a `.dvc` file are read: labels and weights, not the folder of images.

    Args:
        project_file: a `dvc.yaml`; its `dvc.lock` records what its stages last read.

    Returns:
        The files that have the present time now.

    Raises:
        OSError: the time of such a file cannot be set.
    """
    lock = project_file.with_suffix(".lock")
    stages = (read_yaml(lock) or {}).get("stages", {}) if lock.exists() else {}
    recorded = {each["path"]: each for stage in stages.values() for each in stage.get("deps", [])}
    replaced = [Path(path) for path, entry in recorded.items() if _is_replaced(Path(path), entry)]
    for path in replaced:
        os.utime(path)
    return replaced


def _is_replaced(path: Path, locked: dict[str, Any]) -> bool:
    """Return whether a source has the size that DVC has recorded, and another content."""
    source = path.with_name(f"{path.name}.dvc")
    if not (path.is_file() and source.is_file()):
        return False
    entries = [entry for entry in (locked, *_outputs(source)) if "md5" in entry]
    if path.stat().st_size not in {entry.get("size") for entry in entries}:
        return False
    found = _md5(path)
    return any(entry["md5"] != found for entry in entries)


def _outputs(source: Path) -> Iterator[dict[str, Any]]:
    yield from (read_yaml(source) or {}).get("outs", [])


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
