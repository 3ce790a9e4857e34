"""What the operations on a registry take: where it is, of which model, and by which keys."""

from typing import Protocol

from lradapt.registry.store import Store
from lradapt.signing.settings import Keys


class Place(Protocol):
    """The versions of one model; `lradapt.registry.registry.Registry` is one."""

    @property
    def store(self) -> Store:
        """Where the files are kept."""
        ...

    @property
    def name(self) -> str:
        """The name of the model."""
        ...

    @property
    def keys(self) -> Keys:
        """What signs, and what is trusted."""
        ...


def version_key(place: Place, version: str, *file: str) -> str:
    """Return the key of a version, or of a file of it, in the store."""
    return "/".join([place.name, "versions", version, *file])


def where(place: Place) -> str:
    """Return the model and its registry, for messages."""
    return f"{place.name} in {place.store.location}"
