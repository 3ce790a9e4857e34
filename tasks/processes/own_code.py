"""The modules of lradapt in a fork: those of its server, as long as no file of them has changed.

A stage imports 200 of them, in 0.25 s. Between two stages a person may edit a file or install
another version, and a command may run in the clone of another commit: the fork then imports anew.
"""

import importlib
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path

PACKAGE = "lradapt"
Files = dict[Path, tuple[int, int, int]]
"""Source file -> its time of change in nanoseconds, its size and its inode."""

_files_before: Files = {}


def import_module(name: str) -> None:
    """Import a module; before the first one of lradapt, remember the state of its files."""
    if name.startswith(f"{PACKAGE}.") and not _files_before:
        _files_before.update(_files())
    importlib.import_module(name)


def forget_changed() -> None:
    """Forget lradapt's modules if `sys.path` leads to other files now, or if one has changed."""
    if _files() != _files_before:
        forget(PACKAGE)


def forget(package: str) -> None:
    """Let the next import of a package read its files."""
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _files() -> Files:
    """Return the state of the source files that `sys.path` leads to."""
    found: Files = {}
    spec = PathFinder.find_spec(PACKAGE)
    for folder in (spec and spec.submodule_search_locations) or ():
        for path in Path(folder).rglob("*.py"):
            with suppress(FileNotFoundError):  # removed at this moment: the states differ
                state = path.stat()
                found[path] = (state.st_mtime_ns, state.st_size, state.st_ino)
    return found
