"""The model in production as a program uses it: verified, loaded, and replaced by the next one.

    live = LiveModel(open_store("s3://bucket/prefix"), "classifier")
    live.current().model.classify(paths)
    live.refresh()  # now and then: reads a few hundred bytes, unless the pointer has moved

Nothing here imports torch.
"""

import threading
from dataclasses import dataclass

from lradapt.inference.predict import Model
from lradapt.registry import versions
from lradapt.registry.store import RegistryError, Store
from lradapt.registry.versions import Move


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, and the move that put it into production."""

    move: Move
    model: Model


class LiveModel:
    """What is in production. Threads may share it.

    Who has taken `loaded` or `current()` keeps a whole model for as long as they like; `refresh`
    changes what the next one gets.

    Attributes:
        loaded: at the last refresh that found something; None before.
    """

    def __init__(self, store: Store, name: str, *, threads: int | None = None) -> None:
        """Say where it is; nothing is read yet.

        Args:
            store: the registry's store, of `lradapt.registry.open_store`.
            name: of the model in the registry.
            threads: see `lradapt.inference.predict.Model`.
        """
        self._store, self._name, self._threads = store, name, threads
        self.loaded: Loaded | None = None
        self._etag = ""
        self._refreshing = threading.Lock()

    def current(self) -> Loaded:
        """What was in production at the last refresh, or by now where there was none yet.

        Raises:
            RegistryError: nothing is in production, or what is cannot be read or is damaged.
            ModelError: it is no model that this version of lradapt can load.
        """
        if self.loaded is None:
            self.refresh()
        if self.loaded is None:
            raise RegistryError(
                f"nothing of {self._name} is in production in {self._store.location} yet: "
                "make retrain"
            )
        return self.loaded

    def refresh(self) -> bool:
        """Load what is in production by now; whether that is something new.

        The pointer alone is read, unless it has moved. Where the new model fails, the present one
        stays, and the next refresh tries again.

        Raises:
            RegistryError, ModelError: see `current`.
        """
        with self._refreshing:
            production = versions.read_production(self._store, self._name)
            if production is None or production.etag == self._etag:
                return False
            content = versions.read_live(self._store, self._name, production.move)
            self.loaded = Loaded(production.move, Model(content, threads=self._threads))
            self._etag = production.etag
            return True
