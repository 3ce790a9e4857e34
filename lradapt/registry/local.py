"""A folder as a registry store: atomic, durable, and safe between processes of one machine."""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lradapt.registry.store import (
    PRIVATE,
    ChangedError,
    DeniedError,
    ExistsError,
    MissingError,
    Stored,
    UnreachableError,
    checked,
)
from lradapt.runtime.files import flush

_NO_FOLDER = "{} is a file; expected the folder of a registry"


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
        with _registry_errors(path), self._written_beside(path, content) as partial:
            try:
                os.link(partial, path)
            except FileExistsError as error:
                raise ExistsError(f"{path} exists already") from error
            flush(path.parent)

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """See `Store.replace`; writers take turns by a lock, readers need none."""
        path = self._path(key)
        with _registry_errors(path), self._written_beside(path, content) as partial, _locked(path):
            if self._etag_of(path) != etag:
                raise ChangedError(f"{path} has been changed by another writer")
            partial.replace(path)
            flush(path.parent)

    def read(self, key: str) -> Stored:
        """See `Store.read`."""
        path = self._path(key)
        with _registry_errors(path):
            try:
                content = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError) as error:
                if self._root.is_file():
                    raise UnreachableError(_NO_FOLDER.format(self._root)) from error
                raise MissingError(f"no {path}") from error
        return Stored(content, hashlib.sha256(content).hexdigest())

    def list(self, prefix: str) -> list[str]:
        """See `Store.list`; only folders that can hold the prefix are read."""
        *folders, _ = prefix.split("/")
        if any(part.startswith(PRIVATE) for part in folders):
            return []
        keys = [
            Path(parent, name).relative_to(self._root).as_posix()
            for parent, _, names in _walk(self._root, folders)
            for name in names
            if not name.startswith(PRIVATE)
        ]
        return sorted(key for key in keys if key.startswith(prefix))

    def delete(self, key: str) -> None:
        """See `Store.delete`; the folder stays: another process may be about to write to it."""
        path = self._path(key)
        with _registry_errors(path):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            flush(path.parent)

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*checked(key).split("/"))

    def _etag_of(self, path: Path) -> str | None:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    @contextmanager
    def _written_beside(self, path: Path, content: bytes) -> Iterator[Path]:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not with `tempfile`: only the owner may read its files, and a registry is shared.
        partial = path.with_name(f"{PRIVATE}{uuid.uuid4().hex}")
        try:
            with partial.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield partial
        finally:
            partial.unlink(missing_ok=True)


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


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(f"{PRIVATE}{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _walk(root: Path, folders: Sequence[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """Walk as `os.walk` does, but raise where a folder may not be read; `os.walk` skips it."""

    def stop(error: OSError) -> None:
        is_a_key = bool(folders) and isinstance(error, NotADirectoryError)
        if not is_a_key and not isinstance(error, FileNotFoundError):
            raise error

    if root.is_file():
        raise UnreachableError(_NO_FOLDER.format(root))
    with _registry_errors(root):
        yield from os.walk(root.joinpath(*folders), onerror=stop)
