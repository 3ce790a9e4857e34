"""Rollback: restore an earlier version, after verifying that it can be used."""

import logging
from collections.abc import Sequence

import numpy as np

from lradapt.inference.predict import Model
from lradapt.production.changes import production_changes
from lradapt.production.smoke_test import fault_of
from lradapt.production.withdrawn import withdrawal_reason
from lradapt.registry.manifest import MODEL
from lradapt.registry.promotions import Production, Promotion
from lradapt.registry.published_version import PublishedVersion
from lradapt.registry.reading import usable_promotions
from lradapt.registry.registry import Registry
from lradapt.registry.store import RegistryError

log = logging.getLogger(__name__)


def roll_back(registry: Registry, version: str | None, *, reason: str) -> Promotion:
    """Restore an earlier version.

    By default the previous one, unless it was withdrawn itself. Another one may be any published
    version, even if it was never in production and whatever the gate said of its accuracy: a
    person decides. But it must be usable, and one that was never in production must not have
    failed the parity check. The version that is replaced will not be promoted again by itself.

    If the last change of production is a rollback for the same reason, this is the same request,
    made again after a kill or a lost answer: nothing changes.

    Returns:
        The promotion that restored the version.

    Raises:
        LradaptError: there is nothing to restore, or it cannot be used: no such version,
            incomplete, damaged, no model, no probabilities, or a failed parity check. Nothing has
            changed.
        ChangedError: another version has been promoted meanwhile.
    """
    production, changes = registry.require_production(), production_changes(registry)
    if changes and _is_request(changes[-1], version, reason):
        done = changes[-1]
        log.warning("%s was restored at %s for the same reason: no change", done.version, done.at)
        return done
    target = _named(production, version) if version else _previous(production, changes)
    _require_usable(registry, target)
    return registry.promote(target, over=production, kind="rollback", reason=reason)


def _is_request(change: Promotion, version: str | None, reason: str) -> bool:
    """Return whether a change is the rollback that is asked for."""
    same = (change.kind, change.reason) == ("rollback", reason)
    return same and version in (None, change.version)


def _named(production: Production, version: str) -> str:
    if version == production.version:
        raise RegistryError(
            f"{version} is in production already; `lradapt history` has the earlier versions"
        )
    return version


def _previous(production: Production, changes: Sequence[Promotion]) -> str:
    """Return the previous version; refuse one that was withdrawn, as after another rollback."""
    target = production.promotion.previous
    if not target:
        raise RegistryError(
            f"{production.version} is the first version in production: there is no previous one "
            "to restore. `lradapt rollback VERSION` names another one"
        )
    if withdrawn := withdrawal_reason(changes, target):
        raise RegistryError(
            f"the version before {production.version} was withdrawn, and was not restored: "
            f"{withdrawn}. `lradapt rollback VERSION` restores this one or another; `lradapt "
            "history` has the earlier versions"
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
