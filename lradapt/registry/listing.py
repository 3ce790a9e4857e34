"""Listing the versions of a registry, also those that cannot be used."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from lradapt.registry.inventory import (
    VersionSummary,
    in_production_since,
    incomplete_version,
    summarize,
)
from lradapt.registry.manifest import MANIFEST, read_manifest, sha256_hex
from lradapt.registry.place import Place, version_key
from lradapt.registry.promotions import Promotion
from lradapt.registry.published_version import require_promoted
from lradapt.registry.reading import read_production, signer_of_version, usable_promotions
from lradapt.registry.store import RegistryError, for_each


def files_of_versions(place: Place) -> dict[str, set[str]]:
    """Return the files of each version, also of incomplete ones; nothing is read."""
    files: dict[str, set[str]] = {}
    prefix = version_key(place, "")
    for key in place.store.list(prefix):
        version, _, file = key.removeprefix(prefix).partition("/")
        if file:
            files.setdefault(version, set()).add(file)
    return files


def list_versions(place: Place) -> list[VersionSummary]:
    """Return every version; see `Registry.list_versions`."""
    files = files_of_versions(place)
    complete = sorted(version for version in files if MANIFEST in files[version])
    incomplete = sorted(set(files) - set(complete))
    production = read_production(place)
    promoted = usable_promotions(place) if production else []
    since = in_production_since(production, promoted)

    def summary(version: str) -> VersionSummary:
        known = [each for each in promoted if each.version == version]
        in_production = production is not None and production.version == version
        return _summary(place, version, files[version], since if in_production else "", known)

    listed = [*map(incomplete_version, incomplete), *for_each(summary, complete)]
    return sorted(listed, key=lambda version: version.created)


def _summary(
    place: Place,
    version: str,
    present: Collection[str],
    since: str,
    promoted: Sequence[Promotion],
) -> VersionSummary:
    try:
        content = place.store.read(version_key(place, version, MANIFEST)).content
        manifest = read_manifest(content, version)
        signed_by = signer_of_version(place, version, sha256_hex(content))
        for promotion in promoted:
            require_promoted(content, manifest, promotion)
    except RegistryError as error:
        return VersionSummary(version=version, fault=str(error))
    missing = [file for file in manifest["files"] if file not in present]
    if missing:
        return incomplete_version(version, missing=missing[0])
    return replace(summarize(manifest, since), signed_by=signed_by)
