"""The model in production, as a program uses it: verified, loaded, and kept up to date.

    live = LiveModel(open_registry("s3://bucket/prefix"))
    live.current().model.classify(paths)
    live.refresh()  # now and then: reads a few hundred bytes, unless another version is live

Nothing here imports torch.
"""

import threading
from dataclasses import dataclass

from lradapt.inference.predict import Model
from lradapt.registry.promotions import Promotion
from lradapt.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model, and the promotion that put it into production."""

    promotion: Promotion
    model: Model


class LiveModel:
    """What is in production. Threads may share it.

    `loaded` and `current()` return a complete model, which stays valid for as long as the caller
    needs it; `refresh` changes what the next call returns.

    Attributes:
        loaded: by the last refresh that found something; None before.
    """

    def __init__(self, registry: Registry, *, threads: int | None = None) -> None:
        """Keep where to load from; nothing is read yet."""
        self._registry, self._threads = registry, threads
        self.loaded: Loaded | None = None
        self._etag = ""
        self._refreshing = threading.Lock()

    def current(self) -> Loaded:
        """Return what the last refresh loaded; if there is none yet, refresh first.

        Raises:
            RegistryError: nothing is in production, or it cannot be read or is damaged.
            ModelError: this version of lradapt cannot load it.
        """
        if self.loaded is None:
            self._registry.require_production()
            self.refresh()
        assert self.loaded is not None
        return self.loaded

    def refresh(self) -> bool:
        """Load what is in production now; return whether it is another model than before.

        Only the pointer is read, unless it has changed. If the new model cannot be loaded, the
        present one stays, and the next refresh tries again.

        Raises:
            RegistryError, ModelError: see `current`.
        """
        with self._refreshing:
            production = self._registry.production()
            if production is None or production.etag == self._etag:
                return False
            content = self._registry.read_promoted_model(production.promotion)
            self.loaded = Loaded(production.promotion, Model(content, threads=self._threads))
            self._etag = production.etag
            return True
