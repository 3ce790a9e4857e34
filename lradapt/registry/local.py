"""A folder as a registry store: atomic, durable, and safe between processes of one machine.

Below the registry's folder no link is followed, whoever made it: each folder is opened from the one
above it (`lradapt.runtime.system.folders`), and a key is a regular file.
"""

import errno
import hashlib
import os
import re
import stat
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from lradapt.registry.store import (
    PRIVATE,
    ChangedError,
    DamagedError,
    DeniedError,
    ExistsError,
    MissingError,
    Remnant,
    Stored,
    UnreachableError,
    checked,
)
from lradapt.runtime.system import file_locks
from lradapt.runtime.system.folders import Folder, open_folder
from lradapt.runtime.system.opening import is_link, without_waiting

_NO_FOLDER = "{} is a file; expected a folder"
_Found = tuple[tuple[str, ...], os.stat_result]
_PARTIAL = re.compile(re.escape(PRIVATE) + r"[0-9a-f]{32}")


class LocalStore:
    """Keys are files below `root`. A reader never sees a part of one."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def location(self) -> str:
        """The folder."""
        return str(self._root)

    def create(self, key: str, content: bytes) -> None:
        """See `Store.create`; a hard link fails if the name exists, so one writer wins."""
        path = self._path(key)
        with (
            _registry_errors(path),
            self._folder_of(path, make=True) as folder,
            _written_beside(folder, content) as partial,
        ):
            try:
                folder.name_new(partial, path.name)
            except FileExistsError as error:
                raise ExistsError(f"{path} exists already") from error
            folder.flush()

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """See `Store.replace`; writers take turns by a lock, readers need none."""
        path = self._path(key)
        with (
            _registry_errors(path),
            self._folder_of(path, make=True) as folder,
            _written_beside(folder, content) as partial,
            _locked(folder, path),
        ):
            if _etag_of(folder, path) != etag:
                raise ChangedError(f"{path} has been changed by another writer")
            folder.replace(partial, path.name)
            folder.flush()

    def read(self, key: str) -> Stored:
        """See `Store.read`."""
        path = self._path(key)
        with _registry_errors(path):
            try:
                with self._folder_of(path) as folder:
                    content = _content(folder, path)
            except (FileNotFoundError, NotADirectoryError) as error:
                if self._root.is_file():
                    raise UnreachableError(_NO_FOLDER.format(self._root)) from error
                raise MissingError(f"no {path}") from error
        return Stored(content, hashlib.sha256(content).hexdigest())

    def list(self, prefix: str) -> list[str]:
        """See `Store.list`."""
        return sorted(self.sizes(prefix))

    def sizes(self, prefix: str) -> dict[str, int]:
        """See `Store.sizes`; only folders that can hold the prefix are read."""
        *folders, _ = prefix.split("/")
        if any(not part or part.startswith(PRIVATE) for part in folders):
            return {}
        sizes = {
            "/".join([*folders, *parts]): about.st_size
            for parts, about in self._files(folders)
            if not any(part.startswith(PRIVATE) for part in parts)
        }
        return {key: size for key, size in sizes.items() if key.startswith(prefix)}

    def delete(self, key: str) -> None:
        """See `Store.delete`; the folder stays: another process may be about to write to it."""
        path = self._path(key)
        with _registry_errors(path):
            try:
                with self._folder_of(path) as folder:
                    folder.unlink(path.name)
                    folder.flush()
            except (FileNotFoundError, NotADirectoryError):
                return

    def remnants(self, prefix: str, *, older_than_seconds: float) -> Sequence[Remnant]:
        """See `Store.remnants`; a killed writer leaves its file under a random private name."""
        folders = [part for part in prefix.split("/") if part]
        newest = time.time() - older_than_seconds
        return [
            Remnant("/".join([*folders, *parts]), found.st_size)
            for parts, found in self._files(folders)
            if _PARTIAL.fullmatch(parts[-1]) and found.st_mtime < newest
        ]

    def delete_remnant(self, remnant: Remnant) -> None:
        """See `Store.delete_remnant`."""
        parts = remnant.name.split("/")
        name = parts[-1]
        if not _PARTIAL.fullmatch(name):
            raise DamagedError(f"{remnant.name!r} is not the name of a temporary file")
        path = self._root.joinpath(*parts)
        gone = suppress(FileNotFoundError)  # its writer has ended after all
        with _registry_errors(path), gone, self._folder_of(path) as folder:
            folder.unlink(name)

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*checked(key).split("/"))

    @contextmanager
    def _folder_of(self, path: Path, *, make: bool = False) -> Iterator[Folder]:
        """Open the folder of a file, from the root on without following a link."""
        with self._folder(path.parent.relative_to(self._root).parts, make=make) as folder:
            yield folder

    @contextmanager
    def _folder(self, parts: Sequence[str], *, make: bool = False) -> Iterator[Folder]:
        """Open a folder below the root; only the root itself may be a link.

        Raises:
            DamagedError: a part of the path is a link.
            FileNotFoundError, NotADirectoryError: there is no such folder.
        """
        if make:
            self._root.mkdir(parents=True, exist_ok=True)
        folder = open_folder(self._root)
        path = self._root
        try:
            for part in parts:
                path /= part
                _refuse_link(folder, path)
                if make:
                    _make_folder(folder, part)
                inner = folder.inner(part)
                folder.close()
                folder = inner
            yield folder
        finally:
            folder.close()

    def _files(self, folders: Sequence[str]) -> Iterator[_Found]:
        """Yield the regular files below a folder, as the parts of their paths in it; no links."""
        if self._root.is_file():
            raise UnreachableError(_NO_FOLDER.format(self._root))
        with _registry_errors(self._root):
            try:
                with self._folder(folders) as folder:
                    yield from _walk(folder)
            except FileNotFoundError:
                return
            except NotADirectoryError:
                if not folders:
                    raise
                return  # a key, which no other key begins with


def _walk(folder: Folder) -> Iterator[_Found]:
    for name, about in folder.entries():
        if stat.S_ISREG(about.st_mode):
            yield (name,), about
        elif stat.S_ISDIR(about.st_mode):
            try:
                inner = folder.inner(name)
            except (FileNotFoundError, NotADirectoryError):
                continue  # removed since, or a link has taken its place
            try:
                for parts, inside in _walk(inner):
                    yield (name, *parts), inside
            finally:
                inner.close()


def _content(folder: Folder, path: Path) -> bytes:
    _refuse_link(folder, path)
    with os.fdopen(folder.open(path.name, without_waiting(os.O_RDONLY)), "rb") as file:
        _require_regular(file.fileno(), path)
        return file.read()


def _etag_of(folder: Folder, path: Path) -> str | None:
    try:
        return hashlib.sha256(_content(folder, path)).hexdigest()
    except FileNotFoundError:
        return None


@contextmanager
def _written_beside(folder: Folder, content: bytes) -> Iterator[str]:
    # Not with `tempfile`: only the owner may read its files, and a registry is shared.
    partial = f"{PRIVATE}{uuid.uuid4().hex}"
    descriptor = folder.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        yield partial
    finally:
        with suppress(FileNotFoundError):  # renamed
            folder.unlink(partial)


@contextmanager
def _locked(folder: Folder, path: Path) -> Iterator[None]:
    """Hold the lock of a key in the block; its file stays, and nothing is ever written to it."""
    lock = path.with_name(f"{PRIVATE}{path.name}.lock")
    _refuse_link(folder, lock)
    descriptor = folder.open(lock.name, without_waiting(os.O_RDWR | os.O_CREAT))
    with ExitStack() as ending:
        ending.callback(os.close, descriptor)
        _require_regular(descriptor, lock)
        release = file_locks.take(descriptor, lock)
        ending.pop_all()
    try:
        yield
    finally:
        os.close(descriptor)
        release()


def _make_folder(parent: Folder, name: str) -> None:
    with suppress(FileExistsError):
        parent.make(name)


def _refuse_link(parent: Folder, path: Path) -> None:
    """Check that the last part of a path is no link; to open it follows none in any case."""
    try:
        found = parent.look(path.name)
    except FileNotFoundError:
        return
    if is_link(found):
        raise DamagedError(
            f"{path} is a link, and none is followed here ({os.strerror(errno.ELOOP)}); "
            "nothing was read, written or deleted. Put a file or folder in its place, or remove "
            "the link"
        )


def _require_regular(descriptor: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise DamagedError(f"{path} is not a regular file; remove it")


@contextmanager
def _registry_errors(path: Path) -> Iterator[None]:
    """Raise errors of the operating system as errors of the registry."""
    try:
        yield
    except PermissionError as error:
        raise DeniedError(
            f"{path}: {error.strerror}. Ask the owner of the folder for permission to read or write"
        ) from error
    except OSError as error:
        raise UnreachableError(f"{path}: {error.strerror or error}") from error
