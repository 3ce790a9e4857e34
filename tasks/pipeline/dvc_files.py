"""The files that DVC keeps for itself: a place of their own, and their repair after a kill.

DVC keeps what it knows about files (hashes by time and size) in a "site cache". Its default,
`/var/tmp/dvc`, is open to all users of a machine, who could plant there what DVC unpickles. The
commands of this project keep it below the project, for the user alone.
"""

import fcntl
import json
import logging
import os
import shutil
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from lradapt.errors import LradaptError

log = logging.getLogger("lradapt.dvc")

SITE_CACHE = "DVC_SITE_CACHE_DIR"
LOCKS, GUARD = Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/rwlock.lock")
BROKEN_LOCKS = "RWLock-file"
"""Part of DVC's message if its list of locked files cannot be read."""


def site_cache() -> Path:
    """Return the folder of DVC's site cache; make it, for this user alone, if it is our own.

    Raises:
        LradaptError: somebody else could write there.
    """
    if chosen := os.environ.get(SITE_CACHE):
        return Path(chosen)
    folder = Path.cwd() / f".lradapt/dvc-{os.getuid()}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise LradaptError(
            f"{folder} is not a folder that only uid {os.getuid()} may use (its owner is uid "
            f"{found.st_uid}, its mode {found.st_mode & 0o777:o}); others could plant files there "
            "that DVC loads. Remove it; it is made again"
        )
    return folder


def mend() -> None:
    """Remove what a killed command has left half written and DVC can do without."""
    mend_locks()
    for database in sorted(site_cache().glob("repo/*/**/cache.db")):
        if not _is_whole_database(database):
            log.warning("%s is damaged, and made again: DVC reads every file once", database)
            shutil.rmtree(database.parent)


def mend_locks() -> bool:
    """Remove DVC's list of locked files if it cannot be read; return whether it was removed.

    A DVC command that writes the list holds its guard. So does this, until it has looked.
    """
    if not LOCKS.exists() or _is_whole_list():
        return False
    with GUARD.open("a", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not LOCKS.exists() or _is_whole_list():
            return False
        log.warning("a killed command left %s half written; it is removed", LOCKS)
        LOCKS.unlink()
    return True


def _is_whole_list() -> bool:
    """Return whether the list has the form of DVC's: the holders of each path, by kind of lock."""
    try:
        kinds = json.loads(LOCKS.read_text(encoding="utf-8"))
    except (ValueError, FileNotFoundError):
        return False
    return (
        isinstance(kinds, dict)
        and kinds.keys() <= {"read", "write"}
        and all(isinstance(paths, dict) for paths in kinds.values())
        and all(map(_is_holder, kinds.get("write", {}).values()))
        and all(
            isinstance(holders, list) and all(map(_is_holder, holders))
            for holders in kinds.get("read", {}).values()
        )
    )


def _is_holder(entry: Any) -> bool:
    return isinstance(entry, dict) and entry.keys() == {"pid", "cmd"}


def _is_whole_database(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(path)) as database:
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",))
    except sqlite3.DatabaseError as error:
        return isinstance(error, sqlite3.OperationalError)  # busy, for example: not damaged
