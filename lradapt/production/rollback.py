"""Rollback: restore an earlier version, after verifying that it can be used."""

import numpy as np

from lradapt.inference.predict import Model
from lradapt.production.smoke_test import fault_of
from lradapt.registry.manifest import MODEL
from lradapt.registry.promotions import Production, Promotion
from lradapt.registry.published_version import PublishedVersion
from lradapt.registry.reading import usable_promotions
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError


def roll_back(registry: Registry, version: str | None, *, reason: str) -> Promotion:
    """Restore an earlier version.

    By default the previous one. Another one may be any published version, even if it was never in
    production and whatever the gate said of its accuracy: a person decides. But it must be usable,
    and one that was never in production must not have failed the parity check. The version that is
    replaced will not be promoted again by itself.

    Raises:
        LradaptError: there is nothing to restore, or it cannot be used: no such version,
            incomplete, damaged, no model, no probabilities, or a failed parity check. Nothing has
            changed.
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
    opened = registry.open(version)
    _require_parity(registry, opened)
    model = Model(opened.read(MODEL))
    side = model.preprocessing.input_size
    fault = fault_of(model.probabilities(np.full((1, side, side, 3), 128, np.uint8)))
    if fault:
        raise RegistryError(f"{version} cannot be used, and was not restored: {fault}")


def _require_parity(registry: Registry, opened: PublishedVersion) -> None:
    """Check the export of a version that was never in production; else the gate has checked it."""
    parity = opened.manifest.get("metrics", {}).get("parity", {})
    if parity.get("passed") is not False:
        return
    if all(each.version != opened.version for each in usable_promotions(registry)):
        raise RegistryError(
            f"{opened.version} cannot be used, and was not restored: the exported model and the "
            "trained one give different answers (parity in its manifest), and nothing overrides "
            "that. `lradapt versions` lists the other versions"
        )
