"""Moving production from one version to another: the pointer, and the entry of the log."""

import logging
from dataclasses import replace

from lradapt.registry.key_use import require_goes_on_signed, signing_key
from lradapt.registry.leases import held
from lradapt.registry.manifest import MODEL
from lradapt.registry.place import Place, where
from lradapt.registry.promotion_log import append, replace_pointer
from lradapt.registry.promotions import (
    Production,
    Promotion,
    PromotionKind,
    user_and_host,
    utc_now,
)
from lradapt.registry.published_version import PublishedVersion
from lradapt.registry.reading import open_version
from lradapt.registry.signed_log import log_hash, sign_promotion
from lradapt.registry.store import RegistryError
from lradapt.signing.keys import SigningKey

log = logging.getLogger(__name__)


def promote(
    place: Place,
    version: str,
    *,
    over: Production | None,
    kind: PromotionKind,
    reason: str,
    by: str,
    at: str,
    manifest_sha256: str,
) -> Promotion:
    """Put `version` into production, if `over` still is; see `Registry.promote`."""
    key = signing_key(place.keys, "promote")
    require_goes_on_signed(over, key, where(place))
    with held(place.store, place.name, version):
        opened = _open_unchanged(place, version, manifest_sha256)
        if over:
            _log(place, over.promotion, kind)
        promotion = Promotion(
            sequence=over.promotion.sequence + 1 if over else 1,
            kind=kind,
            version=version,
            previous=_previous(over, kind),
            model_sha256=opened.manifest["files"][MODEL],
            manifest_sha256=opened.sha256,
            reason=reason,
            by=by or user_and_host(),
            at=at or utc_now(),
        )
        promotion = _signed(place, promotion, over, key)
        replace_pointer(place.store, place.name, promotion, over)
        _log(place, promotion, kind)
    return promotion


def _log(place: Place, promotion: Promotion, kind: PromotionKind) -> None:
    """Write the log entry of a promotion, if it has none yet, in the course of one of `kind`.

    An entry that is damaged, or another's, stops a promotion and no withdrawal: the model in
    production may be a bad one.
    """
    try:
        append(place.store, place.name, promotion)
    except RegistryError as error:
        if kind not in ("rollback", "smoke_test_failure"):
            raise
        log.error("%s", error)


def _open_unchanged(place: Place, version: str, manifest_sha256: str) -> PublishedVersion:
    """Return a version whose model is sound, and whose manifest is what was read before."""
    opened = open_version(place, version)
    opened.read(MODEL)
    if manifest_sha256 not in ("", opened.sha256):
        raise RegistryError(
            f"version {version} has been changed since it was compared: its manifest has "
            f"sha256 {opened.sha256}, expected {manifest_sha256}. It was not promoted"
        )
    return opened


def _signed(
    place: Place, promotion: Promotion, over: Production | None, key: SigningKey | None
) -> Promotion:
    if key is None:
        return promotion
    before = log_hash(place.store, place.name, over)
    return sign_promotion(place.name, replace(promotion, log_sha256=before), key)


def _previous(over: Production | None, kind: PromotionKind) -> str:
    """Return the version that a rollback of the next promotion would restore."""
    if over is None:
        return ""
    return over.promotion.previous if kind == "key_change" else over.version
