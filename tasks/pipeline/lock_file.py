"""Keeps a copy of `dvc.lock`: DVC writes this file in place, and a kill could damage it."""

import logging
import shutil
from pathlib import Path
from typing import Any

import yaml

from lradapt.runtime.files import whole_file

log = logging.getLogger("lradapt.lock_file")

LOCK, COPY = Path("dvc.lock"), Path(".lradapt/dvc.lock")


def keep() -> None:
    """Copy `dvc.lock`, if it is complete; call this before a DVC command that may write it."""
    if LOCK.exists() and is_whole(LOCK):
        _copy(LOCK, COPY)


def mend() -> None:
    """Restore the copy if a killed run has left an incomplete `dvc.lock`.

    Without a copy, the file is removed; DVC then finds the results of the stages in its run cache.
    """
    if not LOCK.exists() or is_whole(LOCK):
        return
    log.warning("a killed run left %s half written; the copy of the previous one is used", LOCK)
    if COPY.exists():
        _copy(COPY, LOCK)
    else:
        LOCK.unlink()


def is_whole(path: Path) -> bool:
    """Return whether each stage has its command, and each of its files a path and a hash."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return False
    stages = content.get("stages") if isinstance(content, dict) else None
    return isinstance(stages, dict) and all(map(_has_all, stages.values()))


def _has_all(stage: Any) -> bool:
    if not isinstance(stage, dict) or not stage.get("cmd"):
        return False
    files = [stage.get(kind, []) for kind in ("deps", "outs")]
    return all(isinstance(listed, list) and all(map(_is_file, listed)) for listed in files)


def _is_file(entry: Any) -> bool:
    return isinstance(entry, dict) and "path" in entry and len(entry) > 1


def _copy(source: Path, target: Path) -> None:
    with whole_file(target) as partial:
        shutil.copyfile(source, partial)
