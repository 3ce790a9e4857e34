"""Signatures of the update protocol: who vouches for the gate's rules and for each comparison.

    NAME/protocol/FILE.json      rules, or a step of a comparison
    NAME/protocol/FILE-KEY.sig   a key vouches for this content in this place: a file that was
                                 changed, or copied to another comparison, has no signature

A file's place below NAME/protocol/ is called its path.
"""

from collections.abc import Collection, Mapping

from lradapt.registry.manifest import json_bytes, sha256_hex
from lradapt.registry.promotions import user_and_host, utc_now
from lradapt.registry.signatures import SUFFIX, fault_in_signature, signed
from lradapt.registry.store import ExistsError, NotTrustedError, Store, for_each
from lradapt.signing.keys import PublicKey, SigningKey
from lradapt.signing.trusted_keys import TrustedKey, TrustedKeys, Use

_KIND = "record"
_USE: Use = "promote"  # who moves a model may say why


def create(store: Store, name: str, path: str, content: bytes, key: SigningKey | None) -> None:
    """Write a file that does not exist yet, and its signature if there is a key.

    Raises:
        ExistsError: it exists; nothing was signed.
    """
    store.create(_place(name, path), content)
    if key:
        _sign(store, name, path, content, key)


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
    signed_ones = {
        f"{path.removesuffix(SUFFIX).rpartition('-')[0]}.json"
        for path in files
        if not is_record(path)
    }
    return [
        f"{path} is missing, and its signature is there: it was removed"
        for path in sorted(signed_ones - set(files))
    ]


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
    values = {**_stated(path, content), "by": user_and_host(), "at": utc_now()}
    statement = json_bytes(signed(_KIND, name, values, key))
    place = _place(name, _signature(path, key.id))
    try:
        store.create(place, statement)
    except ExistsError:
        store.replace(place, statement, etag=store.read(place).etag)


def _stated(path: str, content: bytes) -> dict[str, str]:
    return {"file": path, "sha256": sha256_hex(content)}


def _signature(path: str, key_id: str) -> str:
    return f"{path.removesuffix('.json')}-{key_id}{SUFFIX}"


def _place(name: str, path: str) -> str:
    return f"{name}/protocol/{path}"
