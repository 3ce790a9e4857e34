"""The pointer and the log as a reader with trusted keys accepts them.

Each signed promotion has the hash of all promotions before it. So the signature of the last one,
which is the pointer's, vouches for the whole log: also for entries whose keys are retired, and for
those from before there were keys. What is left out, added, changed or reordered in it is noticed.

An old pointer that is put back is noticed by the newer signed entries of the log.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from lradapt.registry.promotion_log import log_key, read_pointer
from lradapt.registry.promotions import Production, Promotion, read_promotion
from lradapt.registry.signatures import signed, who_signed
from lradapt.registry.store import MissingError, NotTrustedError, RegistryError, Store, for_each
from lradapt.signing.keys import SigningKey
from lradapt.signing.trusted_keys import TrustedKey, TrustedKeys

_KIND = "promotion"


def sign_promotion(name: str, promotion: Promotion, key: SigningKey) -> Promotion:
    """Return the promotion, signed; its `log_sha256` must be set."""
    values = {**promotion.as_dict(), "log_sha256": promotion.log_sha256}
    statement = signed(_KIND, name, values, key)
    return replace(promotion, key=statement["key"], signature=statement["signature"])


def signer_of(name: str, promotion: Promotion, trusted: TrustedKeys) -> TrustedKey | None:
    """Return the trusted key that has signed a promotion; None if none has."""
    return (
        who_signed(_KIND, name, promotion.as_dict(), trusted, "promote") if promotion.key else None
    )


# The hash of the log


def with_entry(log_sha256: str, promotion: Promotion) -> str:
    """Return the hash of a log after one more promotion; its signature does not count.

    Args:
        log_sha256: before; empty for an empty log.
        promotion: that follows.
    """
    values = {each: value for each, value in promotion.as_dict().items() if each != "signature"}
    return hashlib.sha256(json.dumps([log_sha256, values], sort_keys=True).encode()).hexdigest()


def log_hash(store: Store, name: str, over: Production | None) -> str:
    """Return the hash of the log up to the pointer; an unsigned log is read for it, once."""
    if over is None:
        return ""
    last = over.promotion
    before = last.log_sha256
    if not last.key:
        for each in _entries(store, name, last.sequence - 1):
            before = with_entry(before, each)
    return with_entry(before, last)


# The pointer


def read_trusted_pointer(
    store: Store, name: str, trusted: TrustedKeys, *, seen: str = ""
) -> Production | None:
    """Return what is in production, or None before the first promotion.

    Args:
        store: that has the registry.
        name: of the model.
        trusted: the keys of which one must have signed it.
        seen: etag of a pointer that was returned before, and is not verified again.

    Raises:
        NotTrustedError: none of the keys has signed it; or it is an old one that was put back.
    """
    production = read_pointer(store, name)
    if production is not None:
        if production.etag == seen:
            return production
        _require_signed(store, name, production.promotion, trusted)
    newer = _newer_entry(store, name, production, trusted)
    if newer is None:
        return production
    again = read_pointer(store, name)
    if _etag(again) == _etag(production):
        raise _put_back(store, name, production, newer)
    return read_trusted_pointer(store, name, trusted)  # promoted since the first read


def require_later(promotion: Promotion, before: Promotion, where: str) -> None:
    """Check that a promotion follows one that was seen before, or is the same.

    Raises:
        NotTrustedError: it is older, or another one with the same number.
    """
    number, known = promotion.sequence, before.sequence
    if number > known or promotion == before:
        return
    raise NotTrustedError(
        f"{where} went back to promotion {number} ({promotion.version}), after promotion {known} "
        f"({before.version}) was seen there. A rollback is a new promotion: somebody has put an "
        "old file back, or changed the log. It was not used"
    )


def _require_signed(store: Store, name: str, last: Promotion, trusted: TrustedKeys) -> None:
    if signer_of(name, last, trusted):
        return
    why = f"key {last.key} has signed it" if last.key else "it is not signed"
    if trusted.find(last.key, "promote"):
        why = f"its signature by {trusted.name_of(last.key)} does not match its content"
    raise NotTrustedError(
        f"{name}/production.json in {store.location} (version {last.version}) is not trusted: "
        f"{why}; {trusted.source} has the keys that may. It was not used. `lradapt keys check` "
        "shows what is trusted; `lradapt keys sign --adopt` vouches for it, after a look at it"
    )


def _newer_entry(
    store: Store, name: str, production: Production | None, trusted: TrustedKeys
) -> Promotion | None:
    """Return a signed entry of the log that is newer than the pointer."""
    last = log_key(name, production.promotion.sequence if production else 0)
    for key in reversed([each for each in store.list(f"{name}/log/") if each > last]):
        content = store.read(key).content
        with suppress(RegistryError):  # damaged: anybody may have put something else there
            entry = read_promotion(content, key)
            if key == log_key(name, entry.sequence) and signer_of(name, entry, trusted):
                return entry
    return None


def _put_back(
    store: Store, name: str, production: Production | None, newer: Promotion
) -> NotTrustedError:
    what = f"is promotion {production.promotion.sequence}" if production else "is missing"
    return NotTrustedError(
        f"{name}/production.json in {store.location} {what}, but the log has promotion "
        f"{newer.sequence} ({newer.version}), signed by a trusted key: the file was removed, or an "
        f"old one put back. It was not used. To mend it, copy {log_key(name, newer.sequence)} to "
        f"{name}/production.json, after a look at who could write there"
    )


def _etag(production: Production | None) -> str:
    return production.etag if production else ""


# The log


def read_trusted_promotions(store: Store, name: str, trusted: TrustedKeys) -> list[Promotion]:
    """Return every promotion, the first one first; the last one's signature vouches for all.

    Entries after the pointer's are left out: no promotion that has ended.

    Raises:
        NotTrustedError: the pointer is not trusted; or an entry is missing, changed, or not in
            its place.
    """
    production = read_trusted_pointer(store, name, trusted)
    if production is None:
        return []
    last = production.promotion
    entries = _entries(store, name, last.sequence - 1)
    _require_unchanged(store, name, entries, last)
    return [*entries, last]


def trusted_entries(
    name: str, entries: Sequence[Promotion], trusted: TrustedKeys
) -> list[Promotion]:
    """Return the promotions that a trusted key has signed itself."""
    return [each for each in entries if signer_of(name, each, trusted)]


def _entries(store: Store, name: str, count: int) -> list[Promotion]:
    """Return the first `count` entries of the log.

    Raises:
        NotTrustedError: one is missing, or another one is in its place.
    """

    def read(number: int) -> Promotion:
        key = log_key(name, number)
        try:
            entry = read_promotion(store.read(key).content, key)
        except MissingError as error:
            raise NotTrustedError(
                f"the log of {name} in {store.location} is not trusted: {key} is missing, so a "
                f"promotion was removed from it; {count + 1} were made"
            ) from error
        if entry.sequence != number:
            raise NotTrustedError(
                f"the log of {name} in {store.location} is not trusted: {key} holds promotion "
                f"{entry.sequence}, expected {number}: its entries were reordered"
            )
        return entry

    return for_each(read, range(1, count + 1))


def _require_unchanged(
    store: Store, name: str, entries: Sequence[Promotion], last: Promotion
) -> None:
    """Check the hash of the log that each signed promotion has; the first that differs is named."""
    log_sha256 = ""
    for each in [*entries, last]:
        if each.key and each.log_sha256 != log_sha256:
            raise NotTrustedError(
                f"the log of {name} in {store.location} is not trusted: its promotions before "
                f"number {each.sequence} are not those that were there when {each.sequence} was "
                "signed; one was changed, removed or added"
            )
        log_sha256 = with_entry(log_sha256, each)
