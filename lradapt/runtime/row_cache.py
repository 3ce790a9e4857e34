"""The row cache: outputs of a stage's last run, so that the next run computes only new rows.

    STORE/STAGE.json          the hash `made_with`, the sha256 of each file, a key for each row
    STORE/STAGE.HASH.NAME     the files; hard links to the stage's outputs, or else copies

The cache never changes a result. A row is reused only if its content, code, libraries and settings
are the same. Damaged files are not used. Only the last run of each stage is kept, so the folder is
no larger than the outputs; hard links need no additional space on the disk.
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lradapt.runtime.code_fingerprint import fingerprint
from lradapt.runtime.files import read_json, sha256_of, whole_file, write_json
from lradapt.runtime.system.disk import link_or_copy

log = logging.getLogger(__name__)

_LIBRARIES = ("numpy", "pillow", "timm", "torch", "torchvision")


@dataclass(frozen=True, slots=True)
class Kept:
    """The cached files of the last run by name, and the number of the row of each key."""

    row_of: Mapping[str, int]
    files: Mapping[str, Path]


NOTHING = Kept({}, {})


def made_with(module: str, **facts: Any) -> str:
    """Return a hash of `facts`, of the code that a module uses, and of the versions of libraries.

    Args:
        module: dotted name of the stage's module; see `lradapt.runtime.code_fingerprint`.
        facts: values that can be written as JSON.
    """
    libraries = {name: version(name) for name in _LIBRARIES}
    code = fingerprint(module, Path.cwd())
    text = json.dumps([code, libraries, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def recall(store: Path, stage: str, made: str) -> Kept:
    """Return the cached files of the last run of `stage` if its `made_with` hash is equal.

    Otherwise return `NOTHING`.
    """
    note = store / f"{stage}.json"
    if not note.exists():
        return NOTHING
    try:
        note_content = read_json(note)
        if note_content["made_with"] != made:
            return NOTHING
        hashes = note_content["files"]
        files = {name: store / _name(stage, name, sha) for name, sha in hashes.items()}
        damaged = [path for name, path in files.items() if sha256_of(path) != hashes[name]]
        rows = {str(key): row for row, key in enumerate(note_content["keys"]) if key}
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        log.warning("%s is damaged and was not used: %r", note, error)
        return NOTHING
    if damaged:
        log.warning("%s is damaged and was not used", ", ".join(map(str, damaged)))
        return NOTHING
    return Kept(rows, files)


def keep(
    store: Path, stage: str, made: str, *, keys: Sequence[str], files: Mapping[str, Path]
) -> None:
    """Keep the outputs of this run, in place of those of the previous run.

    If the folder is not writable, a warning is logged, and the next run computes all rows again.

    Args:
        store: the folder of the cache.
        stage: the name of the stage.
        made: the hash from `made_with`.
        keys: the key of each row in the files; empty for a row that must not be reused.
        files: the files to keep: name -> path. The stages replace these files and never change
            them in place (they are hard links).
    """
    try:
        store.mkdir(parents=True, exist_ok=True)
        hashes = {name: sha256_of(path) for name, path in files.items()}
        for name, path in files.items():
            _link(path, store / _name(stage, name, hashes[name]))
        write_json(
            store / f"{stage}.json", {"made_with": made, "files": hashes, "keys": list(keys)}
        )
        _prune(store, stage, {_name(stage, name, sha) for name, sha in hashes.items()})
    except OSError as error:
        log.warning("%s: nothing was kept for the next run (%s)", store, error)


def _name(stage: str, name: str, sha256: str) -> str:
    return f"{stage}.{sha256[:16]}.{name}"


def _link(path: Path, into: Path) -> None:
    with whole_file(into) as partial:
        link_or_copy(path, partial)


def _prune(store: Path, stage: str, named: set[str]) -> None:
    for path in store.glob(f"{stage}.*.*"):
        if path.name not in named:
            path.unlink(missing_ok=True)
