"""Versions, the pointer to the one in production, and the log of its moves.

    NAME/versions/VERSION/...     immutable; `manifest.json` is written last: without it there is no
                                  version
    NAME/production.json          the last move; swapped only if it is still what was read
    NAME/log/SEQ.json             every move, append-only

A version is named by the hash of what it is (the model, and what it was trained on), so publishing
the same content twice is the same version. The pointer carries the whole move, so a process that
dies between the swap and the log entry loses nothing: the next move writes the missing entry first.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lradapt.registry.store import ExistsError, MissingError, RegistryError, Store, for_each

FORMAT = 1
MODEL, TRAINED_ON, MANIFEST = "model.onnx", "trained_on.csv", "manifest.json"
WEIGHTS = "model.safetensors"
REPORT, CARD = "report.html", "model_card.md"
_IDENTITY = (MODEL, TRAINED_ON)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change of what is in production.

    Attributes:
        seq: counted from 1.
        version: now in production.
        former: in production before; empty before the first.
        model_sha256: of the version's model; a reader checks it before it loads.
        why: the gate's sentence, or a person's.
        who: user and host, or the run.
        when: UTC, ISO 8601. The order of moves is `seq`'s: clocks differ.
    """

    seq: int
    version: str
    former: str
    model_sha256: str
    why: str
    who: str
    when: str


@dataclass(frozen=True, slots=True)
class Production:
    """The pointer as it was read."""

    move: Move
    etag: str


def publish(store: Store, name: str, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
    """Write a version's files and then its manifest; of a version that is there, nothing.

    Args:
        store: where to.
        name: of the model.
        files: file name -> content; `model.onnx` and `trained_on.csv` decide the version's name.
        facts: what else the manifest says.

    Returns:
        The version's name: 12 hexadecimal digits.

    Raises:
        RegistryError: an interrupted publish left a model that has been damaged since.
    """
    hashes = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    version = name_of(hashes)
    if exists(store, name, version):
        return version
    folder = f"{name}/versions/{version}"
    sizes: dict[str, int] = {}
    for file, content in files.items():
        kept = _create_or_keep(store, f"{folder}/{file}", content)
        found = hashlib.sha256(kept).hexdigest()
        if file in _IDENTITY and found != hashes[file]:
            raise RegistryError(
                f"{file} of version {version}, left by an interrupted publish, is damaged: sha256 "
                f"{found}, expected {hashes[file]}. Remove {folder} from {store.location}"
            )
        hashes[file], sizes[file] = found, len(kept)
    manifest = {"format": FORMAT, "version": version, "files": hashes, "sizes": sizes, **facts}
    _create_or_keep(store, f"{folder}/{MANIFEST}", _json(_sealed(manifest)))
    return version


def name_of(hashes: Mapping[str, str]) -> str:
    """The name of the version with these files; file name -> sha256, in hexadecimal."""
    identity = "".join(hashes[file] for file in _IDENTITY)
    return hashlib.sha256(identity.encode()).hexdigest()[:12]


def exists(store: Store, name: str, version: str) -> bool:
    """Whether the version has a manifest, so that it is whole."""
    try:
        store.read(f"{name}/versions/{version}/{MANIFEST}")
    except MissingError:
        return False
    return True


def read_manifest(store: Store, name: str, version: str) -> dict[str, Any]:
    """What is known of a version.

    Raises:
        RegistryError: there is no such version, it is incomplete or damaged, or a newer lradapt
            wrote it.
    """
    try:
        stored = store.read(f"{name}/versions/{version}/{MANIFEST}")
    except MissingError:
        raise _no_version(store, name, version) from None
    return _unsealed(stored.content, version)


def _no_version(store: Store, name: str, version: str) -> RegistryError:
    if store.list(f"{name}/versions/{version}/"):
        return RegistryError(
            f"version {version} of {name} in {store.location} is incomplete: it has files but no "
            f"{MANIFEST}, since its publishing or its removal was interrupted. Publishing the same "
            "model again completes it"
        )
    return RegistryError(
        f"no version {version} of {name} in {store.location}; `lradapt versions` lists those that "
        "are there"
    )


def read_file(store: Store, name: str, version: str, file: str) -> bytes:
    """A file of a version, its hash verified.

    Raises:
        RegistryError: there is no such version or file, or its content is not what was published.
    """
    expected = read_manifest(store, name, version)["files"].get(file)
    content = store.read(f"{name}/versions/{version}/{file}").content
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise RegistryError(
            f"{file} of version {version} is damaged: sha256 {found}, published as {expected}. "
            "It was not loaded; `lradapt rollback` puts the former version back"
        )
    return content


def read_live(store: Store, name: str, move: Move) -> bytes:
    """The model that a move has put into production, verified by the hash that it carries.

    Raises:
        RegistryError: there is no such version, or its model is not what was promoted.
    """
    content = read_file(store, name, move.version, MODEL)
    found = hashlib.sha256(content).hexdigest()
    if found != move.model_sha256:
        raise RegistryError(
            f"{MODEL} of version {move.version} has sha256 {found}, promoted was "
            f"{move.model_sha256}. It was not loaded; `lradapt rollback` puts the former version "
            "back"
        )
    return content


def read_production(store: Store, name: str) -> Production | None:
    """What is in production, or None before the first promotion."""
    try:
        stored = store.read(f"{name}/production.json")
    except MissingError:
        return None
    return Production(_move(stored.content, f"{name}/production.json"), stored.etag)


def live_name(store: Store, name: str) -> str:
    """The version in production.

    Raises:
        RegistryError: there is none.
    """
    production = read_production(store, name)
    if production is None:
        raise RegistryError(
            f"nothing of {name} is in production in {store.location}; name a version: "
            "`lradapt versions` lists them"
        )
    return production.move.version


def promote(
    store: Store,
    name: str,
    version: str,
    *,
    over: Production | None,
    why: str,
    who: str,
    when: str,
) -> Move:
    """Put `version` into production, if `over` still is.

    Args:
        store: the registry's store.
        name: of the model.
        version: to be in production; it must be whole.
        over: what was in production when this was decided.
        why: the reason, for the log.
        who: for the log.
        when: for the log; UTC, ISO 8601.

    Raises:
        ChangedError: something else has been promoted meanwhile: judge again.
        RegistryError: there is no such version, or its model is damaged.
    """
    read_file(store, name, version, MODEL)
    if over:
        _log(store, name, over.move)
    move = Move(
        seq=over.move.seq + 1 if over else 1,
        version=version,
        former=over.move.version if over else "",
        model_sha256=read_manifest(store, name, version)["files"][MODEL],
        why=why,
        who=who,
        when=when,
    )
    store.replace(f"{name}/production.json", _json(asdict(move)), etag=over.etag if over else None)
    _log(store, name, move)
    return move


def history(store: Store, name: str) -> list[Move]:
    """Every move, the first first; the pointer's too, if its log entry is still missing."""
    keys = store.list(f"{name}/log/")
    moves = for_each(lambda key: _move(store.read(key).content, key), keys)
    production = read_production(store, name)
    if production and production.move not in moves:
        moves.append(production.move)
    return moves


def find_former(store: Store, name: str, version: str | None) -> tuple[Production, str]:
    """What is in production, and the version to put back; by default the one before.

    Raises:
        RegistryError: nothing is in production, there is nothing before it, or the version asked
            for is in production.
    """
    production = read_production(store, name)
    if not production:
        raise RegistryError(f"nothing of {name} is in production in {store.location}")
    target = version or production.move.former
    if not target:
        raise RegistryError(
            f"{production.move.version} is the first version: nothing to go back to"
        )
    if target == production.move.version:
        raise RegistryError(f"{target} is in production already")
    return production, target


def _move(content: bytes, key: str) -> Move:
    try:
        return Move(**json.loads(content))
    except (ValueError, TypeError) as error:
        raise RegistryError(
            f"{key} is damaged: {error}. The keys of the log hold every move: to go on, copy the "
            "last one that is whole to production.json"
        ) from None


def _sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(_json(manifest))  # whose keys are all strings
    return {**said, "seal": _seal(said)}


def _seal(said: Mapping[str, Any]) -> str:
    """The sha256 of what a manifest says, as read, whatever the order and the white space."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _unsealed(content: bytes, version: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = dict(json.loads(content))
    except (ValueError, TypeError) as error:
        raise RegistryError(f"the manifest of {version} is damaged: {error}") from None
    if manifest.get("format") != FORMAT:
        raise RegistryError(
            f"the manifest of {version} has format {manifest.get('format')!r}, expected {FORMAT}"
        )
    if manifest.pop("seal", None) != _seal(manifest):
        raise RegistryError(
            f"the manifest of {version} is damaged: what it says is not what was sealed. Nothing "
            "was loaded; `lradapt rollback` puts the former version back"
        )
    return manifest


def _log(store: Store, name: str, move: Move) -> None:
    try:
        store.create(f"{name}/log/{move.seq:08d}.json", _json(asdict(move)))
    except ExistsError:
        return  # written by the process that made the move; it cannot differ: seq is the pointer's


def _create_or_keep(store: Store, key: str, content: bytes) -> bytes:
    """What is there now; a file that an interrupted `publish` left is kept."""
    try:
        store.create(key, content)
    except ExistsError:
        return store.read(key).content
    return content


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
