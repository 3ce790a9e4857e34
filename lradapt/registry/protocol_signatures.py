"""Signatures of the update protocol: who vouches for the gate's rules and for each comparison.

    NAME/protocol/FILE.json      rules, or a step of a comparison
    NAME/protocol/FILE-KEY.sig   a key vouches for this content in this place: a file that was
                                 changed, or copied to another comparison, has no signature

A file's place below NAME/protocol/ is called its path.

The signature is written before the file, and has its content: no file of a process with a key is
ever without a signature, and what a killed one has not written, the next with its key does.
"""

import json
from collections.abc import Collection, Mapping
from contextlib import suppress

from lradapt.registry.manifest import json_bytes, sha256_hex
from lradapt.registry.promotions import user_and_host, utc_now
from lradapt.registry.signatures import SUFFIX, fault_in_signature, signed
from lradapt.registry.store import ExistsError, NotTrustedError, Store, for_each
from lradapt.signing.keys import PublicKey, SigningKey
from lradapt.signing.trusted_keys import TrustedKey, TrustedKeys, Use

_KIND = "record"
_USE: Use = "promote"  # who moves a model may say why


def create(store: Store, name: str, path: str, content: bytes, key: SigningKey | None) -> None:
    """Write a file that does not exist yet; with a key, its signature first.

    Raises:
        ExistsError: it exists, or this key has signed another content for it; nothing was signed.
    """
    place = _place(name, path)
    if key is None:
        store.create(place, content)
        return
    if store.list(place):
        raise ExistsError(f"{place} exists already")
    _sign_new(store, name, path, content, key)
    try:
        store.create(place, content)
    except ExistsError:
        if store.read(place).content != content:  # else another process has completed it
            raise


def complete(store: Store, name: str, key: SigningKey) -> None:
    """Write the files that killed processes with this key have signed, and not written."""
    paths = {each.removeprefix(_place(name, "")) for each in store.list(_place(name, ""))}
    for path in _missing(paths, f"-{key.id}{SUFFIX}"):
        signature = store.read(_place(name, _signature(path, key.id))).content
        content = _signed_content(name, path, signature, key)
        if content is not None:
            with suppress(ExistsError):
                store.create(_place(name, path), content)


def read_files(store: Store, name: str, folder: str = "") -> dict[str, bytes]:
    """Return path -> content of the files and signatures below a folder of the protocol."""
    prefix = _place(name, folder)
    keys = store.list(prefix)
    contents = for_each(lambda key: store.read(key).content, keys)
    return {
        key.removeprefix(_place(name, "")): content
        for key, content in zip(keys, contents, strict=True)
    }


def is_record(path: str) -> bool:
    """Return whether a path is a file of the protocol itself, not a signature of one."""
    return not path.endswith(SUFFIX)


def missing_records(files: Collection[str]) -> list[str]:
    """Return a fault for each path whose signature is there without the file itself."""
    return [
        f"{path} is missing, and its signature is there: it was removed, or its writer was killed; "
        "the next run with the same key writes it"
        for path in _missing(files)
    ]


def _missing(paths: Collection[str], end: str = SUFFIX) -> list[str]:
    """Return the files that are not there, and have a signature whose path has this end."""
    signed_ones = {
        f"{path.removesuffix(SUFFIX).rpartition('-')[0]}.json"
        for path in paths
        if path.endswith(end)
    }
    return sorted(signed_ones - set(paths))


def require_signed_record(
    name: str, path: str, files: Mapping[str, bytes], trusted: TrustedKeys
) -> TrustedKey:
    """Return the first trusted key that vouches for a file.

    Args:
        name: of the model.
        path: of the file.
        files: it and its signatures, by path.
        trusted: the keys to look for.

    Raises:
        NotTrustedError: none does.
    """
    faults = []
    for each in trusted.that_may(_USE):
        found = files.get(_signature(path, each.key.id))
        if found is None:
            continue
        fault = fault_in_signature(_KIND, name, found, _stated(path, files[path]), each)
        if not fault:
            return each
        faults.append(f"its signature by {each.name} {fault}")
    why = "; ".join(faults) or f"none of the keys in {trusted.source} has signed it"
    raise NotTrustedError(f"{path} is not trusted: {why}")


def sign_records(store: Store, name: str, key: SigningKey, trusted: TrustedKeys | None) -> int:
    """Let a key vouch for the files of the protocol, too.

    Args:
        store: has the registry.
        name: of the model.
        key: that signs.
        trusted: keys of which one must vouch for a file already; None: all files are signed.

    Returns:
        The number of files that it has signed now.
    """
    files = read_files(store, name)
    new = [
        path
        for path in filter(is_record, files)
        if not _is_signed(name, path, files, _only(key.public))
        and (trusted is None or _is_signed(name, path, files, trusted))
    ]
    for path in new:
        _sign(store, name, path, files[path], key)
    return len(new)


def _is_signed(name: str, path: str, files: Mapping[str, bytes], trusted: TrustedKeys) -> bool:
    try:
        require_signed_record(name, path, files, trusted)
    except NotTrustedError:
        return False
    return True


def _only(key: PublicKey) -> TrustedKeys:
    return TrustedKeys((TrustedKey("this key", key),), "")


def _sign(store: Store, name: str, path: str, content: bytes, key: SigningKey) -> None:
    """Write the signature of a file; what is in its place is replaced."""
    statement = _statement(name, _stated(path, content), key)
    place = _place(name, _signature(path, key.id))
    try:
        store.create(place, statement)
    except ExistsError:
        store.replace(place, statement, etag=store.read(place).etag)


def _sign_new(store: Store, name: str, path: str, content: bytes, key: SigningKey) -> None:
    """Write the signature of a file that is not there yet, with its content.

    Raises:
        ExistsError: the key has signed a content for it, which is not written yet.
    """
    statement = _statement(name, {**_stated(path, content), "content": content.decode()}, key)
    place = _place(name, _signature(path, key.id))
    try:
        store.create(place, statement)
    except ExistsError:
        found = store.read(place)
        if _signed_content(name, path, found.content, key) is not None:
            raise
        store.replace(place, statement, etag=found.etag)


def _statement(name: str, stated: Mapping[str, str], key: SigningKey) -> bytes:
    values = {**stated, "by": user_and_host(), "at": utc_now()}
    return json_bytes(signed(_KIND, name, values, key))


def _signed_content(name: str, path: str, signature: bytes, key: SigningKey) -> bytes | None:
    """Return the content that a key has signed for a file; None if it has not, or has kept none."""
    signer = TrustedKey("this key", key.public)
    if fault_in_signature(_KIND, name, signature, {"file": path}, signer):
        return None
    content = json.loads(signature).get("content")
    return None if content is None else str(content).encode()


def _stated(path: str, content: bytes) -> dict[str, str]:
    return {"file": path, "sha256": sha256_hex(content)}


def _signature(path: str, key_id: str) -> str:
    return f"{path.removesuffix('.json')}-{key_id}{SUFFIX}"


def _place(name: str, path: str) -> str:
    return f"{name}/protocol/{path}"
