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
        """See `Store.create`; a hard link fails where the name is taken, so one writer wins."""
        path = self._path(key)
        with _told(path), self._written_beside(path, content) as partial:
            try:
                os.link(partial, path)
            except FileExistsError:
                raise ExistsError(f"{path} exists already") from None
            _sync_folder(path.parent)

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """See `Store.replace`; writers take turns by a lock, readers need none."""
        path = self._path(key)
        with _told(path), self._written_beside(path, content) as partial, _locked(path):
            if self._etag_of(path) != etag:
                raise ChangedError(f"{path} has been changed by somebody else")
            partial.replace(path)
            _sync_folder(path.parent)

    def read(self, key: str) -> Stored:
        """See `Store.read`."""
        path = self._path(key)
        with _told(path):
            try:
                content = path.read_bytes()
            except (FileNotFoundError, NotADirectoryError):
                if self._root.is_file():
                    raise UnreachableError(_NO_FOLDER.format(self._root)) from None
                raise MissingError(f"no {path}") from None
        return Stored(content, hashlib.sha256(content).hexdigest())

    def list(self, prefix: str) -> list[str]:
        """See `Store.list`; what lies beside the prefix is not looked at."""
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
        """See `Store.delete`; the folder stays: another process may be about to write there."""
        path = self._path(key)
        with _told(path):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return
            _sync_folder(path.parent)

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*checked(key).split("/"))

    def _etag_of(self, path: Path) -> str | None:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None

    @contextmanager
    def _written_beside(self, path: Path, content: bytes) -> Iterator[Path]:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by `tempfile`: its files are for their owner alone, and a registry is shared.
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
def _told(path: Path) -> Iterator[None]:
    """What the system refuses below, as an error of the registry."""
    try:
        yield
    except PermissionError as error:
        raise DeniedError(
            f"{path}: {error.strerror}. Ask the owner of the folder for the right to write or read"
        ) from None
    except OSError as error:
        raise UnreachableError(f"{path}: {error.strerror or error}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.with_name(f"{PRIVATE}{path.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _walk(root: Path, folders: Sequence[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, which by itself takes a folder that may not be read for an empty one."""

    def stop(error: OSError) -> None:
        a_key = bool(folders) and isinstance(error, NotADirectoryError)
        if not a_key and not isinstance(error, FileNotFoundError):
            raise error

    if root.is_file():
        raise UnreachableError(_NO_FOLDER.format(root))
    with _told(root):
        yield from os.walk(root.joinpath(*folders), onerror=stop)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
