"""Publishing a version: its files, its signature, and last its manifest."""

from collections.abc import Mapping
from typing import Any

from lradapt.registry.key_use import require_signing_key, signing_key
from lradapt.registry.leases import held
from lradapt.registry.manifest import (
    IDENTITY,
    MANIFEST,
    sha256_hex,
    version_name,
    write_manifest,
)
from lradapt.registry.place import Place, version_key, where
from lradapt.registry.reading import has_version, manifest_of, missing_files, open_version
from lradapt.registry.signatures import has_signed_version, sign_version
from lradapt.registry.store import ExistsError, NotTrustedError, RegistryError
from lradapt.signing.keys import SigningKey


def publish(place: Place, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
    """Write a version's files and then its manifest; see `Registry.publish`."""
    key = signing_key(place.keys, "publish")
    hashes = {file: sha256_hex(content) for file, content in files.items()}
    version = version_name(hashes)
    if _is_whole(place, version):
        return version
    with held(place.store, place.name, version):
        if has_version(place, version):
            _restore(place, version, files, hashes)
        else:
            _write(place, version, files, facts, key)
    return version


def sign(place: Place, version: str) -> bool:
    """Let the key of this process vouch for a version, too; see `Registry.sign`."""
    key = require_signing_key(place.keys, "publish")
    opened = open_version(place, version)
    for file in opened.manifest["files"]:
        opened.read(file)
    if has_signed_version(place.store, place.name, version, opened.sha256, key.public):
        return False
    sign_version(place.store, place.name, version, opened.sha256, key)
    return True


def _write(
    place: Place,
    version: str,
    files: Mapping[str, bytes],
    facts: Mapping[str, Any],
    key: SigningKey | None,
) -> None:
    hashes: dict[str, str] = {}
    sizes: dict[str, int] = {}
    for file, content in files.items():
        kept = _create_or_keep(place, version_key(place, version, file), content)
        if kept != content:
            _require_may_stay(place, version, file, sha256_hex(kept), sha256_hex(content), key=key)
        hashes[file], sizes[file] = sha256_hex(kept), len(kept)
    signed_by = {"signed_by": key.id} if key else {}
    manifest = write_manifest(version, hashes, sizes, {**facts, **signed_by})
    if key:  # before the manifest, so that no complete version is without a signature
        sign_version(place.store, place.name, version, sha256_hex(manifest), key)
    kept = _create_or_keep(place, version_key(place, version, MANIFEST), manifest)
    if kept != manifest and place.keys.trusted:  # another process was faster
        manifest_of(place, version)


def _require_may_stay(
    place: Place, version: str, file: str, found: str, expected: str, *, key: SigningKey | None
) -> None:
    """Check a file that was there before this publish, with another content.

    Without a key, the page of an interrupted publish stays; with one, nothing of others is
    signed.
    """
    if file in IDENTITY:
        raise RegistryError(
            f"{file} of version {version}, left by an interrupted publish, is damaged: "
            f"sha256 {found}, expected {expected}. Remove {version_key(place, version)} from "
            f"{place.store.location}"
        )
    if key:
        raise NotTrustedError(
            f"{file} of version {version}, left by an interrupted publish or by somebody else, "
            f"is not what would be published now: sha256 {found}, expected {expected}. It was "
            "not signed. `lradapt prune --incomplete` removes it; then publish again"
        )


def _restore(
    place: Place, version: str, files: Mapping[str, bytes], hashes: Mapping[str, str]
) -> None:
    """Write the files that the manifest names and that are missing.

    Raises:
        RegistryError: one of them had another content.
    """
    expected = manifest_of(place, version)["files"]
    missing = missing_files(place, version)
    other = [file for file in missing if hashes.get(file) != expected[file]]
    if other:
        raise RegistryError(
            f"version {version} of {where(place)} has lost {', '.join(other)}, whose content was "
            "not that of today. `lradapt prune --incomplete` removes what is left of it; then "
            "publish it again"
        )
    for file in missing:
        _create_or_keep(place, version_key(place, version, file), files[file])


def _is_whole(place: Place, version: str) -> bool:
    """Return whether the version exists with all its files; not sure of it: False."""
    try:
        return has_version(place, version) and not missing_files(place, version)
    except RegistryError:
        return False  # removed just now, or damaged


def _create_or_keep(place: Place, key: str, content: bytes) -> bytes:
    """Create a key; return its content, which is the old one if it exists already."""
    try:
        place.store.create(key, content)
    except ExistsError:
        return place.store.read(key).content
    return content
