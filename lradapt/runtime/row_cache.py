"""What the last run of a stage has made, kept so that the next computes only what is new.

    STORE/STAGE.json          made with what, the sha256 of each file, and a key for each row
    STORE/STAGE.HASH.NAME     the files, as hard links to the stage's own where that can be

It accelerates and never decides: a row is known by its content and by all that it was made with,
and what is damaged, or was made otherwise, is not used. One run of each stage is kept, so that the
folder holds no more than the stage's outputs do, and as a rule shares their place on the disk.
"""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from lradapt.runtime.code_fingerprint import fingerprint
from lradapt.runtime.files import read_json, sha256_of, whole_file, write_json

log = logging.getLogger(__name__)

_LIBRARIES = ("numpy", "pillow", "torch", "torchvision")


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of a former run by name, and the row in them of each key."""

    row_of: Mapping[str, int]
    files: Mapping[str, Path]


NOTHING = Kept({}, {})


def made_with(module: str, **facts: Any) -> str:
    """Return a hash of `facts`, of the code that a module uses, and of the libraries below it.

    Args:
        module: dotted name of the stage's module; see `lradapt.runtime.code_fingerprint`.
        facts: values that JSON knows.
    """
    libraries = {name: version(name) for name in _LIBRARIES}
    code = fingerprint(module, Path.cwd())
    text = json.dumps([code, libraries, facts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def recall(store: Path, stage: str, made: str) -> Kept:
    """What the last run of `stage` has left, if it was made with the same; else nothing.

    Args:
        store: the folder; may be missing.
        stage: whose files.
        made: see `made_with`.
    """
    note = store / f"{stage}.json"
    if not note.exists():
        return NOTHING
    try:
        said = read_json(note)
        if said["made_with"] != made:
            return NOTHING
        files = {name: store / _name(stage, name, sha) for name, sha in said["files"].items()}
        damaged = [path for name, path in files.items() if sha256_of(path) != said["files"][name]]
        rows = {str(key): row for row, key in enumerate(said["keys"]) if key}
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
    """Keep the outputs of a run in place of those of the run before.

    A folder that cannot be written to is told, and costs the next run its time, nothing more.

    Args:
        store: the folder.
        stage: whose files.
        made: see `made_with`.
        keys: of each row in the files; empty for a row that nobody shall find.
        files: what to keep; name -> path. They are replaced by their owners and never edited.
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
        try:
            os.link(path, partial)
        except OSError:  # another file system, or one without links
            shutil.copyfile(path, partial)


def _prune(store: Path, stage: str, named: set[str]) -> None:
    for path in store.glob(f"{stage}.*.*"):
        if path.name not in named:
            path.unlink(missing_ok=True)
