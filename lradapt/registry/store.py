"""What the registry asks of a place that keeps files: five operations, and their errors.

    RegistryError
    ├── ExistsError         create: the key is taken
    ├── ChangedError        replace: somebody else was faster
    ├── MissingError        read: no such key
    ├── DeniedError         the place refuses who asks, or nobody says who asks
    ├── UnreachableError    no answer, or none that can be used, in the time that is given
    ├── DamagedError        read: the content is not what was written
    └── UnsafeStoreError    a write: the place would let two writers overwrite each other

Keys are relative paths with forward slashes. An etag names one content of one key; it is opaque.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

from lradapt.errors import LradaptError


class RegistryError(LradaptError):
    """The registry cannot do what is asked."""


class ExistsError(RegistryError):
    """A key that should be created exists already."""


class ChangedError(RegistryError):
    """A key that should be replaced is not what was read before."""


class MissingError(RegistryError):
    """A key that should be read does not exist."""


class DeniedError(RegistryError):
    """The place refuses who asks."""


class UnreachableError(RegistryError):
    """The place does not answer, or its answers cannot be used; to ask again later is safe."""


class DamagedError(RegistryError):
    """A key holds something else than was written."""


class UnsafeStoreError(RegistryError):
    """The place cannot keep two writers apart, so nothing is written there."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of a key, and the etag that `replace` asks for."""

    content: bytes
    etag: str


class Store(Protocol):
    """Keeps files by key; every operation is whole or has not happened.

    Each may raise `DeniedError` and `UnreachableError`. After the second, a write may or may not
    have happened: to ask again is safe, and tells.
    """

    @property
    def location(self) -> str:
        """Where it is, for people."""
        ...

    def create(self, key: str, content: bytes) -> None:
        """Write a key that does not exist yet.

        Raises:
            ExistsError: it does; it is left as it is.
        """
        ...

    def replace(self, key: str, content: bytes, *, etag: str | None) -> None:
        """Write a key whose content is still the one with `etag`; None: that does not exist.

        Raises:
            ChangedError: it is not; it is left as it is.
        """
        ...

    def read(self, key: str) -> Stored:
        """The content of a key.

        Raises:
            MissingError: there is none.
            DamagedError: the place knows that this is not what was written.
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key; one that does not exist stays so. It may be created again."""
        ...


_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")
_AT_ONCE = 8  # boto3 keeps ten connections open


def for_each(ask: Callable[[_Item], _Answer], items: Iterable[_Item]) -> list[_Answer]:
    """What `ask` returns of each item, in order; several at a time, since each waits for a store.

    Raises:
        RegistryError: what `ask` raises first; then nothing more is asked.
    """
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return list(threads.map(ask, items))


PRIVATE = "."
"""Names that begin so are a store's own."""


def checked(key: str) -> str:
    """The key.

    Raises:
        RegistryError: it has an empty part, or one that begins with a dot.
    """
    if any(not part or part.startswith(PRIVATE) for part in key.split("/")):
        raise RegistryError(f"{key!r} is no key of a registry")
    return key
