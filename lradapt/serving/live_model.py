"""The model in production, as a program uses it: verified, loaded, and kept up to date.

    live = LiveModel(open_registry("s3://bucket/prefix"))
    live.current().model.classify(paths)
    live.refresh()  # now and then: reads a few hundred bytes, unless another version is live

Nothing here imports torch.
"""

import threading
from dataclasses import dataclass
from itertools import count

from lradapt.inference.predict import Model
from lradapt.registry.promotions import Promotion
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError


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
        self._etag, self._keys = "", registry.keys
        self._refreshing, self._taking_up = threading.Lock(), threading.Lock()
        self._looks, self._newest = count(1), 0

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
            RegistryError, ModelError: see `current`; also if the pointer has vanished.
        """
        with self._refreshing:
            return self.finish_look(self.start_look())

    def start_look(self) -> int:
        """Return the number of a look at the registry, for `finish_look`."""
        return next(self._looks)

    def finish_look(self, number: int) -> bool:
        """Refresh; if a later look has ended meanwhile, change nothing: this one is out of date.

        So a program may give up on a look that takes too long, and start another one.

        Args:
            number: of `start_look`.

        Raises:
            RegistryError, ModelError: see `refresh`.
        """
        etag, loaded = self._read()
        with self._taking_up:
            if number < self._newest:
                return False
            self._newest = number
            if loaded is None or etag == self._etag:
                return False
            self.loaded, self._etag = loaded, etag
            return True

    def _read(self) -> tuple[str, Loaded | None]:
        """Return the pointer's etag, and the model; None if it is the present one, or none is."""
        present = self._etag
        registry = self._registry.with_current_keys()
        same_keys = registry.keys == self._keys
        production = registry.production(seen=present if same_keys else "")
        if production is None:
            self._require_none_yet()
            return present, None
        if production.etag == present and same_keys:
            return present, None
        if self.loaded:
            registry.require_later(production.promotion, self.loaded.promotion)
        content = registry.read_promoted_model(production.promotion)
        self._keys = registry.keys
        return production.etag, Loaded(production.promotion, Model(content, threads=self._threads))

    def _require_none_yet(self) -> None:
        if self.loaded:
            raise RegistryError(
                f"{self._registry.location} no longer says what of {self._registry.name} is in "
                "production: production.json has vanished. Is the folder or bucket still there?"
            )
