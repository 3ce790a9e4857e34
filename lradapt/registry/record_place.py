"""A record of answers in a store: its files are read while old ones are removed."""

from lradapt.registry.store import MissingError, Store


class RecordPlace:
    """A store as `lradapt.recording.read.RecordFiles`."""

    def __init__(self, store: Store) -> None:
        """Keep the store; nothing is read yet."""
        self._store = store

    @property
    def location(self) -> str:
        """Where it is, for messages."""
        return self._store.location

    def list(self, prefix: str) -> list[str]:
        """Return the names that begin with `prefix`, sorted."""
        return self._store.list(prefix)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is no such file.

        Raises:
            RegistryError: the store does not answer, or does not permit it.
        """
        try:
            return self._store.read(name).content
        except MissingError:
            return None
