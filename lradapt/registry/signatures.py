"""Signed statements: who vouches for a version, or for a promotion.

A statement is a JSON object with the id of the key under `key` and a `signature` (base64). The
signature covers the kind of the statement, the name of the model and all other values, so that a
statement is worth nothing under another kind, for another model, or with a value changed.

    NAME/versions/VERSION/manifest-HASH-KEY.sig   a key vouches for the manifest with this hash,
                                                  and so for all files of the version
    NAME/production.json, NAME/log/...            the statement is the promotion itself
    NAME/protocol/.../FILE-KEY.sig                a key vouches for a file of the update protocol
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from lradapt.registry.manifest import json_bytes
from lradapt.registry.promotions import user_and_host, utc_now
from lradapt.registry.store import ExistsError, MissingError, NotTrustedError, Store
from lradapt.signing.keys import PublicKey, SigningKey
from lradapt.signing.trusted_keys import TrustedKey, TrustedKeys, Use

SUFFIX = ".sig"
_REMEDY = "`lradapt keys sign --adopt VERSION` vouches for it, after a look at where it is from"


def signed(kind: str, name: str, values: Mapping[str, Any], key: SigningKey) -> dict[str, Any]:
    """Return a statement: the values, the id of the key, and the signature.

    Args:
        kind: of the statement.
        name: of the model.
        values: what it states; JSON without fractions, which programs write in several ways.
        key: that signs.
    """
    stated = {**values, "key": key.id}
    signature = key.sign(_message(kind, name, stated))
    return {**stated, "signature": base64.b64encode(signature).decode()}


def who_signed(
    kind: str, name: str, statement: Mapping[str, Any], trusted: TrustedKeys, use: Use
) -> TrustedKey | None:
    """Return the trusted key that has signed a statement; None if none has.

    Args:
        kind: that the statement must be of.
        name: of the model that it must be about.
        statement: as read.
        trusted: the keys to look for.
        use: what the key must be allowed to sign.
    """
    key = trusted.find(str(statement.get("key", "")), use)
    return key if key and _has_signed(key, kind, name, statement) else None


def _has_signed(key: TrustedKey, kind: str, name: str, statement: Mapping[str, Any]) -> bool:
    stated = {each: value for each, value in statement.items() if each != "signature"}
    try:
        signature = base64.b64decode(str(statement.get("signature", "")), validate=True)
    except (binascii.Error, ValueError):
        return False
    return key.key.has_signed(_message(kind, name, stated), signature)


def _message(kind: str, name: str, stated: Mapping[str, Any]) -> bytes:
    """Return the bytes that are signed: one and the same for the same values in any order."""
    whole = {"lradapt": 1, "kind": kind, "model": name, "stated": dict(stated)}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


# Versions


def signature_file(manifest_sha256: str, key_id: str) -> str:
    """Return the name, beside the manifest, of the file with a key's signature of it."""
    return f"manifest-{manifest_sha256[:16]}-{key_id}{SUFFIX}"


def is_signature(file: str) -> bool:
    """Return whether a file of a version is a signature."""
    return file.startswith("manifest-") and file.endswith(SUFFIX)


def sign_version(
    store: Store, name: str, version: str, manifest_sha256: str, key: SigningKey
) -> None:
    """Write the file by which a key vouches for a version; what is in its place is replaced."""
    values = {"version": version, "manifest_sha256": manifest_sha256}
    statement = signed("version", name, {**values, "by": user_and_host(), "at": utc_now()}, key)
    path = f"{name}/versions/{version}/{signature_file(manifest_sha256, key.id)}"
    try:
        store.create(path, json_bytes(statement))
    except ExistsError:
        store.replace(path, json_bytes(statement), etag=store.read(path).etag)


def has_signed_version(
    store: Store, name: str, version: str, manifest_sha256: str, key: PublicKey
) -> bool:
    """Return whether a key vouches for a version already."""
    alone = TrustedKeys((TrustedKey("this key", key),), "")
    try:
        require_signed_version(store, name, version, manifest_sha256, alone)
    except NotTrustedError:
        return False
    return True


def require_signed_version(
    store: Store, name: str, version: str, manifest_sha256: str, trusted: TrustedKeys
) -> TrustedKey:
    """Return the first trusted key that vouches for a version.

    Raises:
        NotTrustedError: none does.
    """
    faults = []
    for each in trusted.that_may("publish"):
        file = signature_file(manifest_sha256, each.key.id)
        try:
            content = store.read(f"{name}/versions/{version}/{file}").content
        except MissingError:
            continue
        expected = {"version": version, "manifest_sha256": manifest_sha256, "key": each.key.id}
        fault = fault_in_signature("version", name, content, expected, each)
        if not fault:
            return each
        faults.append(f"its signature by {each.name} ({file}) {fault}")
    raise _not_trusted(store, name, version, faults, trusted)


def fault_in_signature(
    kind: str, name: str, content: bytes, expected: Mapping[str, str], signer: TrustedKey
) -> str:
    """Return why a file with a statement is not what a key has signed; empty if it is.

    Args:
        kind: that the statement must be of.
        name: of the model that it must be about.
        content: of the file.
        expected: values that it must state.
        signer: the key.
    """
    try:
        statement = dict(json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return "is cut off or damaged"
    if not _has_signed(signer, kind, name, statement):
        return "does not match: it was changed, or made for another model"
    if any(statement.get(each) != value for each, value in expected.items()):
        return f"is of another {kind}"
    return ""


def _not_trusted(
    store: Store, name: str, version: str, faults: list[str], trusted: TrustedKeys
) -> NotTrustedError:
    prefix = f"{name}/versions/{version}/"
    files = [key.removeprefix(prefix) for key in store.list(f"{prefix}manifest-")]
    ids = sorted({file.removesuffix(SUFFIX).rpartition("-")[2] for file in files})
    others = f"; it has signatures by {', '.join(ids)}" if ids else ""
    why = "; ".join(faults) or f"none of the keys in {trusted.source} has signed its manifest"
    return NotTrustedError(
        f"version {version} of {name} in {store.location} is not trusted: {why}{others}. Nothing "
        f"of it was read; {_REMEDY}"
    )
