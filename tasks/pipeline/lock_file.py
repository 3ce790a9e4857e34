"""DVC writes `dvc.lock` in place; a copy is kept, so that what it knows outlives a kill."""

import logging
import shutil
from pathlib import Path
from typing import Any

import yaml

from lradapt.runtime.files import whole_file

log = logging.getLogger("lradapt.lock_file")

LOCK, COPY = Path("dvc.lock"), Path(".lradapt/dvc.lock")


def keep() -> None:
    """Copy it aside; to be called before a command of DVC's that may write it."""
    if LOCK.exists() and is_whole(LOCK):
        _copy(LOCK, COPY)


def mend() -> None:
    """Put the copy in the place of one that a killed run has left half written.

    Without a copy it is removed: then DVC asks its run cache for what each stage has made.
    """
    if not LOCK.exists() or is_whole(LOCK):
        return
    log.warning("%s was left half written by a run that was killed; the one before is used", LOCK)
    if COPY.exists():
        _copy(COPY, LOCK)
    else:
        LOCK.unlink()


def is_whole(path: Path) -> bool:
    """Whether each stage in it has its command, and each of its files a path and a hash."""
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
