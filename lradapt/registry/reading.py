"""Reading a registry: versions, the pointer and the log, verified where keys are trusted."""

from typing import Any

from lradapt.registry.manifest import MANIFEST, read_manifest, sha256_hex
from lradapt.registry.place import Place, version_key, where
from lradapt.registry.promotion_log import read_pointer, read_promotions, readable_promotions
from lradapt.registry.promotions import Production, Promotion
from lradapt.registry.published_version import PublishedVersion, require_promoted
from lradapt.registry.signatures import require_signed_version
from lradapt.registry.signed_log import (
    read_trusted_pointer,
    read_trusted_promotions,
    trusted_entries,
)
from lradapt.registry.store import MissingError, RegistryError


def has_version(place: Place, version: str) -> bool:
    """Return whether a version exists and is complete."""
    try:
        place.store.read(version_key(place, version, MANIFEST))
    except MissingError:
        return False
    return True


def open_version(
    place: Place, version: str, promotion: Promotion | None = None
) -> PublishedVersion:
    """Return a version whose files can be read; see `Registry.open`."""
    try:
        content = place.store.read(version_key(place, version, MANIFEST)).content
    except MissingError as error:
        raise _no_version(place, version) from error
    manifest, found = read_manifest(content, version), sha256_hex(content)
    signed_by = signer_of_version(place, version, found)
    for each in _promotions_of(place, version) if promotion is None else [promotion]:
        require_promoted(content, manifest, each)
    return PublishedVersion(place.store, place.name, manifest, found, signed_by)


def manifest_of(place: Place, version: str) -> dict[str, Any]:
    """Return what is known of a version; see `Registry.manifest`."""
    return open_version(place, version).manifest


def missing_files(place: Place, version: str) -> list[str]:
    """Return the files that a version's manifest names and that are not there."""
    present = set(place.store.list(version_key(place, version, "")))
    named = manifest_of(place, version)["files"]
    return [file for file in named if version_key(place, version, file) not in present]


def signer_of_version(place: Place, version: str, manifest_sha256: str) -> str:
    """Return whose trusted key has signed a manifest; empty if signatures are not checked.

    Raises:
        NotTrustedError: none has.
    """
    if place.keys.trusted is None:
        return ""
    trusted = place.keys.trusted
    return require_signed_version(place.store, place.name, version, manifest_sha256, trusted).name


def read_production(place: Place, *, seen: str = "") -> Production | None:
    """Return what is in production; see `Registry.production`."""
    if place.keys.trusted is None:
        return read_pointer(place.store, place.name)
    return read_trusted_pointer(place.store, place.name, place.keys.trusted, seen=seen)


def all_promotions(place: Place) -> list[Promotion]:
    """Return every promotion; see `Registry.promotions`."""
    if place.keys.trusted is None:
        return read_promotions(place.store, place.name)
    return read_trusted_promotions(place.store, place.name, place.keys.trusted)


def usable_promotions(place: Place) -> list[Promotion]:
    """Return the entries of the log that can be used, each by itself."""
    found, trusted = readable_promotions(place.store, place.name), place.keys.trusted
    return trusted_entries(place.name, found, trusted) if trusted else found


def _promotions_of(place: Place, version: str) -> list[Promotion]:
    """Return the promotions of a version; the log is not read for the one in production."""
    production = read_production(place)
    if production is None:
        return []
    if production.version == version:
        return [production.promotion]
    return [each for each in usable_promotions(place) if each.version == version]


def _no_version(place: Place, version: str) -> RegistryError:
    if place.store.list(version_key(place, version, "")):
        return RegistryError(
            f"version {version} of {where(place)} is incomplete: it has files but no {MANIFEST}, "
            "because its publishing or removal was interrupted. Publish the same model again to "
            "complete it"
        )
    return RegistryError(
        f"no version {version} of {where(place)}; `lradapt versions` lists the versions"
    )
