"""What versions there are, and the removal of those that nobody needs.

A version is removed from its manifest on, so that an interruption leaves files that no reader takes
for a version. What is in production, and what a rollback would return to, is never removed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.registry.store import RegistryError, Store, for_each
from lradapt.registry.versions import MANIFEST, Production, read_manifest, read_production


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of a model, as a line of the list.

    Attributes:
        version: its name.
        created: when it was published; UTC, ISO 8601. Empty where that is not known.
        accuracy, balanced_accuracy: of its exam, 0 to 1; None where they are not known.
        since: when it went into production; empty where it is not there now.
        size: of its files together, in bytes; None where an older lradapt published it.
        fault: why it cannot be used; empty of a version that is whole.
        incomplete: whether the fault is that it has no manifest.
    """

    version: str
    created: str = ""
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    since: str = ""
    size: int | None = None
    fault: str = ""
    incomplete: bool = False


def list_versions(store: Store, name: str) -> list[Version]:
    """Every version, the oldest first; first of all those that cannot be used."""
    prefix = f"{name}/versions/"
    paths = [key.removeprefix(prefix).split("/", 1) for key in store.list(prefix)]
    whole = {version for version, file in paths if file == MANIFEST}
    production = read_production(store, name)
    partial = sorted({version for version, _ in paths} - whole)
    listed = [
        *(
            Version(version=each, fault="incomplete: no manifest", incomplete=True)
            for each in partial
        ),
        *for_each(lambda each: _described(store, name, each, production), sorted(whole)),
    ]
    return sorted(listed, key=lambda each: each.created)


def prunable(
    listed: Sequence[Version], production: Production | None, *, keep: int, incomplete: bool
) -> list[str]:
    """The versions that may go, the oldest first.

    Args:
        listed: every version, the oldest first.
        production: what is in production.
        keep: so many of the newest stay, besides what is in production and its predecessor.
        incomplete: whether those without a manifest go too; one may be a publish under way.
    """
    usable = [each.version for each in listed if not each.fault]
    left = [each.version for each in listed if each.incomplete and incomplete]
    stay = _protected(production)
    return [
        version for version in left + usable[: max(0, len(usable) - keep)] if version not in stay
    ]


def remove(store: Store, name: str, version: str) -> None:
    """Remove a version: the manifest first, then the files.

    Raises:
        RegistryError: it is in production, or the one before.
    """
    if version in _protected(read_production(store, name)):
        raise RegistryError(
            f"{version} is in production by now, or is what a rollback returns to: it stays"
        )
    prefix = f"{name}/versions/{version}/"
    manifest = f"{prefix}{MANIFEST}"
    for key in sorted(store.list(prefix), key=lambda key: (key != manifest, key)):
        store.delete(key)


def _described(store: Store, name: str, version: str, production: Production | None) -> Version:
    try:
        manifest = read_manifest(store, name, version)
    except RegistryError as error:
        return Version(version=version, fault=str(error))
    metrics: dict[str, Any] = manifest.get("metrics", {})
    sizes = manifest.get("sizes")
    return Version(
        version=version,
        created=manifest.get("created", ""),
        accuracy=metrics.get("accuracy"),
        balanced_accuracy=metrics.get("balanced_accuracy"),
        since=production.move.when if production and production.move.version == version else "",
        size=sum(sizes.values()) if sizes else None,
    )


def _protected(production: Production | None) -> set[str]:
    return {production.move.version, production.move.former} if production else set()
