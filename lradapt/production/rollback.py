"""Rollback: restore an earlier version, after verifying that it can be used."""

import numpy as np

from lradapt.inference.predict import Model
from lradapt.production.smoke_test import fault_of
from lradapt.registry.manifest import MODEL
from lradapt.registry.promotions import Production, Promotion
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError


def roll_back(registry: Registry, version: str | None, *, reason: str) -> Promotion:
    """Restore an earlier version.

    By default the previous one. The version that is replaced will not be promoted again by itself.

    Raises:
        LradaptError: there is nothing to restore, or it cannot be used: no such version,
            incomplete, damaged, no model, or no probabilities. Nothing has changed.
        ChangedError: another version has been promoted meanwhile.
    """
    production = registry.require_production()
    target = _target(production, version)
    _require_usable(registry, target)
    return registry.promote(target, over=production, kind="rollback", reason=reason)


def _target(production: Production, version: str | None) -> str:
    target = version or production.promotion.previous
    if not target:
        raise RegistryError(
            f"{production.version} is the first version in production: there is no previous one "
            "to restore. `lradapt rollback VERSION` names another one"
        )
    if target == production.version:
        raise RegistryError(
            f"{target} is in production already; `lradapt history` has the earlier versions"
        )
    return target


def _require_usable(registry: Registry, version: str) -> None:
    """Load a version's model and classify a grey image: a rollback must not need test images."""
    model = Model(registry.read_file(version, MODEL))
    side = model.preprocessing.input_size
    fault = fault_of(model.probabilities(np.full((1, side, side, 3), 128, np.uint8)))
    if fault:
        raise RegistryError(f"{version} cannot be used, and was not restored: {fault}")
