"""Removing a version, its manifest first; and what killed processes have left."""

from collections.abc import Iterable

from lradapt.registry.leases import expired, removing
from lradapt.registry.manifest import MANIFEST, PUBLISHED, read_manifest
from lradapt.registry.place import Place, version_key
from lradapt.registry.reading import read_production
from lradapt.registry.signatures import is_signature
from lradapt.registry.store import RegistryError, Remnant


def remove(place: Place, version: str) -> list[str]:
    """Remove a version for good; see `Registry.remove`."""
    with removing(place.store, place.name, version) as renew:
        production = read_production(place)
        if production and version in (production.version, production.promotion.previous):
            raise RegistryError(
                f"{version} was not removed: by now it is in production, or a rollback would "
                "restore it"
            )
        for file in [MANIFEST, *_removable_files(place, version)]:
            renew()
            place.store.delete(version_key(place, version, file))
    return place.store.list(version_key(place, version, ""))


def _removable_files(place: Place, version: str) -> list[str]:
    """Return the files of a version that are there, and that its manifest names."""
    prefix, manifest = version_key(place, version, ""), version_key(place, version, MANIFEST)
    present = place.store.list(prefix)
    named = set(PUBLISHED)
    if manifest in present:
        named = set(read_manifest(place.store.read(manifest).content, version)["files"])
    files = (key.removeprefix(prefix) for key in present)
    return sorted(file for file in files if file in named or is_signature(file))


def remove_remnants(place: Place, remnants: Iterable[Remnant]) -> None:
    """Remove what killed writers have left, and the leases that have expired."""
    for remnant in remnants:
        place.store.delete_remnant(remnant)
    for key in expired(place.store, place.name):
        place.store.delete(key)
