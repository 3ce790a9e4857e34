"""Let another key vouch for what is in a registry: at the first use of keys, and when they rotate.

What the present trusted keys have signed can be signed again by itself. What none of them has
signed is signed only if a person says so: that is the trust which everything later builds on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lradapt.registry.key_use import require_signing_key
from lradapt.registry.promotions import Promotion
from lradapt.registry.protocol_signatures import sign_records
from lradapt.registry.registry import Registry
from lradapt.signing.settings import Keys


@dataclass(frozen=True, slots=True)
class Vouched:
    """What a key vouches for from now on.

    Attributes:
        key: its id.
        versions: that it has signed now.
        before: versions that it had signed before.
        left: versions that were to be signed with all others and cannot be used, with the reason.
        promotion: the entry of the log by which it vouches for production; None if it did before,
            or nothing is in production.
        num_records: files of the record of comparisons that it has signed now.
    """

    key: str
    versions: tuple[str, ...]
    before: tuple[str, ...]
    left: dict[str, str]
    promotion: Promotion | None
    num_records: int


def vouch(registry: Registry, versions: Sequence[str] | None, *, adopt: bool = False) -> Vouched:
    """Sign versions, and what is in production, with the key of this process.

    Every file of the versions is read, and compared with the hashes of its manifest. The record of
    comparisons is signed, too: all of it that is trusted, or, with `adopt`, all of it.

    Args:
        registry: that holds them.
        versions: to sign; empty: the one in production and the previous one; None: all that can
            be used.
        adopt: also sign what no trusted key has signed.

    Raises:
        RegistryError: a version is missing or damaged, or, without `adopt`, not trusted; or there
            is no private key, or readers here would not trust it.
        SigningError: the private key cannot be used.
    """
    key = require_signing_key(registry.keys, "publish")
    require_signing_key(registry.keys, "promote")
    trusting = replace(registry, keys=Keys(None, registry.keys.signing)) if adopt else registry
    faults = _faults(trusting) if versions is None else {}
    chosen = [each for each in faults if not faults[each]] or versions or _in_use(trusting)
    new = tuple(version for version in chosen if trusting.sign(version))
    before = tuple(version for version in chosen if version not in new)
    left = {version: fault for version, fault in faults.items() if fault}
    promotion = _vouch_for_production(trusting, key.id)
    store, name, trusted = trusting.store, trusting.name, trusting.keys.trusted
    num_records = sign_records(store, name, key, trusted)
    return Vouched(key.id, new, before, left, promotion, num_records)


def _faults(registry: Registry) -> dict[str, str]:
    """Return all versions, with the reason why one cannot be used."""
    return {each.version: each.fault for each in registry.list_versions()}


def _in_use(registry: Registry) -> list[str]:
    """Return the versions that a reader or a rollback would use next."""
    production = registry.require_production()
    known = set(registry.version_names())
    return [
        version
        for version in (production.version, production.promotion.previous)
        if version in known
    ]


def _vouch_for_production(registry: Registry, key_id: str) -> Promotion | None:
    production = registry.production()
    if production is None or production.promotion.key == key_id:
        return None
    reason = f"key {key_id} vouches for this version and for the log so far"
    return registry.promote(production.version, over=production, kind="key_change", reason=reason)
