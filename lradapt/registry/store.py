"""What a registry needs of its storage: operations on keys, and their errors.

    RegistryError
    ├── ExistsError         create: the key exists
    ├── ChangedError        replace: another writer was faster
    ├── MissingError        read: no such key
    ├── DeniedError         no permission, or no credentials
    ├── UnreachableError    no usable answer in time
    ├── DamagedError        read: the content is not what was written
    ├── UnsafeStoreError    write: the store would let two writers overwrite each other
    └── NotTrustedError     no key that this reader trusts has signed the content

Keys are relative paths with forward slashes. An etag names one content of one key; it is opaque.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lradapt.errors import LradaptError


class RegistryError(LradaptError):
    """The registry cannot do what it was asked to do."""


class ExistsError(RegistryError):
    """A key to create exists already."""


class ChangedError(RegistryError):
    """A key to replace has changed since it was read."""


class MissingError(RegistryError):
    """A key to read does not exist."""


class DeniedError(RegistryError):
    """The store denies access."""


class UnreachableError(RegistryError):
    """The store does not answer, or not usably; it is safe to try again later."""


class DamagedError(RegistryError):
    """A key holds something other than what was written."""


class UnsafeStoreError(RegistryError):
    """The store cannot keep two writers apart, so nothing is written to it."""


class NotTrustedError(RegistryError):
    """No trusted key has signed what is to be read, or what is to be written would be such."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of a key, and the etag that `replace` needs."""

    content: bytes
    etag: str


@dataclass(frozen=True, slots=True)
class Remnant:
    """What a killed writer has left in a store, outside the keys.

    Attributes:
        name: in the store, relative to its location.
        size: in bytes.
    """

    name: str
    size: int


class Store(Protocol):
    """Keeps files by key; each operation happens completely or not at all.

    Each may raise `DeniedError` and `UnreachableError`. After `UnreachableError`, a write may or
    may not have happened; it is safe to try it again.
    """

    @property
    def location(self) -> str:
        """Where it is, for messages."""
        ...

    def create(self, key: str, content: bytes) -> None:
        """Write a key that does not exist yet.

        Raises:
            ExistsError: it exists; its content is unchanged.
        """
        ...

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """Write a key whose etag is still `etag`; None: a key that still does not exist.

        Raises:
            ChangedError: another writer has changed it; its content is unchanged.
        """
        ...

    def read(self, key: str) -> Stored:
        """Return the content of a key.

        Raises:
            MissingError: there is no such key.
            DamagedError: the store knows that the content is not what was written.
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        ...

    def sizes(self, prefix: str) -> Mapping[str, int]:
        """Return the keys that begin with `prefix`, each with the bytes of its content."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key, if it exists. It may be created again."""
        ...

    def remnants(self, prefix: str, *, older_than_seconds: float) -> Sequence[Remnant]:
        """Return what killed writers have left: of keys that begin with `prefix`, or of no key.

        Args:
            prefix: whole folders, such as "model/".
            older_than_seconds: younger ones may belong to a write under way.
        """
        ...

    def delete_remnant(self, remnant: Remnant) -> None:
        """Remove what `remnants` has returned, if it is still there."""
        ...


_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_NUM_THREADS = 8  # boto3 keeps ten connections open


def for_each(function: Callable[[_Item], _Result], items: Iterable[_Item]) -> list[_Result]:
    """Return `function` of each item, in order; in threads, since each call waits for a store.

    Raises:
        RegistryError: the first that `function` raises; no further calls are started.
    """
    with ThreadPoolExecutor(_NUM_THREADS) as threads:
        return list(threads.map(function, items))


PRIVATE = "."
"""Names that begin with it are the store's own."""


def checked(key: str) -> str:
    """Return the key.

    Raises:
        RegistryError: a part of it is empty, or begins with a dot.
    """
    if any(not part or part.startswith(PRIVATE) for part in key.split("/")):
        raise RegistryError(f"{key!r} is not a key: no part may be empty or begin with {PRIVATE!r}")
    return key
