"""The registry: published versions, the pointer to the one in production, and the log of moves."""

from pathlib import Path

from lradapt.registry.local import LocalStore
from lradapt.registry.store import RegistryError, Store

DEFAULT_LOCATION = "registry"
DEFAULT_NAME = "classifier"


def open_store(location: str) -> Store:
    """The store at `location`, the path of a folder.

    Raises:
        RegistryError: a URL of a kind that is not known.
    """
    if "://" in location:
        raise RegistryError(f"registry {location}: expected the path of a folder")
    return LocalStore(Path(location))
