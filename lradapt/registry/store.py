"""What the registry asks of a place that keeps files: four operations, and their errors.

    RegistryError
    ├── ExistsError     create: the key is taken
    ├── ChangedError    replace: somebody else was faster
    └── MissingError    read: no such key

Keys are relative paths with forward slashes. An etag names one content of one key; it is opaque.
"""

from dataclasses import dataclass
from typing import Protocol

from lradapt.errors import LradaptError


class RegistryError(LradaptError):
    """The registry cannot do what is asked."""


class ExistsError(RegistryError):
    """A key that should be created exists already."""


class ChangedError(RegistryError):
    """A key that should be replaced is not what was read before."""


class MissingError(RegistryError):
    """A key that should be read does not exist."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of a key, and the etag that `replace` asks for."""

    content: bytes
    etag: str


class Store(Protocol):
    """Keeps files by key; every operation is whole or has not happened."""

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
        """
        ...

    def list(self, prefix: str) -> list[str]:
        """The keys that begin with `prefix`, sorted."""
        ...
