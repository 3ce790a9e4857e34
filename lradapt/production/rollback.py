"""The way back: a former version into production, once it has shown that it can be used."""

import numpy as np

from lradapt.inference.predict import Model
from lradapt.production.smoke_test import fault_of
from lradapt.production.withdrawn import ROLLED_BACK, reason
from lradapt.registry import versions
from lradapt.registry.store import RegistryError, Store
from lradapt.registry.versions import Move


def roll_back(
    store: Store, name: str, version: str | None, *, why: str, who: str, when: str
) -> Move:
    """Put a former version back into production.

    Args:
        store: the registry's store.
        name: of the model in the registry.
        version: to put back; None: the one before the present.
        why: the reason, for the log; the version that goes is not promoted again by itself.
        who: for the log.
        when: for the log; UTC, ISO 8601.

    Raises:
        LradaptError: there is nothing to put back, or it cannot be used: no such version,
            incomplete, damaged, no model, or one that gives no probabilities. Nothing has changed.
        ChangedError: somebody else has promoted meanwhile.
    """
    production, target = versions.find_former(store, name, version)
    _require_use(store, name, target)
    why = reason(production.move.version, ROLLED_BACK, why)
    return versions.promote(store, name, target, over=production, why=why, who=who, when=when)


def _require_use(store: Store, name: str, version: str) -> None:
    """Load it and let it classify a grey picture: no image of the exam need be here."""
    model = Model(versions.read_file(store, name, version, versions.MODEL))
    side = model.preprocessing.input_size
    fault = fault_of(model.probabilities(np.full((1, side, side, 3), 128, np.uint8)))
    if fault:
        raise RegistryError(f"{version} cannot be used, and was not put back: {fault}")
