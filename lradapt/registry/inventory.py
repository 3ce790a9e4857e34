"""The list of a registry's versions, and which of them may be removed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.registry.promotions import Production, Promotion


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSummary:
    """A version of a model, as a line of the list.

    Attributes:
        version: its name.
        created: when it was published; UTC, ISO 8601. Empty if unknown.
        accuracy, balanced_accuracy: on its test images, 0 to 1; None if unknown.
        since: when it went into production; empty if it is not there now.
        size: of its files together, in bytes; None if it cannot be used.
        fault: why it cannot be used; empty if it can.
        incomplete: whether the fault is a missing manifest, or a missing file.
        signed_by: whose trusted key has signed it; empty if signatures are not checked.
    """

    version: str
    created: str = ""
    accuracy: float | None = None
    balanced_accuracy: float | None = None
    since: str = ""
    size: int | None = None
    fault: str = ""
    incomplete: bool = False
    signed_by: str = ""


def incomplete_version(version: str, missing: str = "manifest") -> VersionSummary:
    """Return the summary of a version without a manifest, or without a file that it names."""
    return VersionSummary(version=version, fault=f"incomplete: no {missing}", incomplete=True)


def in_production_since(production: Production | None, promoted: Sequence[Promotion]) -> str:
    """Return when the version in production went there; empty if nothing is.

    Args:
        production: what is in production.
        promoted: the entries of the log, the first one first; changes of key are no promotions.
    """
    if production is None:
        return ""
    last = production.promotion
    for before in reversed([each for each in promoted if each.sequence < last.sequence]):
        if last.kind != "key_change":
            break
        last = before
    return last.at


def summarize(manifest: Mapping[str, Any], since: str) -> VersionSummary:
    """Return the summary of a complete version; `since` when it is in production, or empty."""
    metrics = manifest.get("metrics", {})
    return VersionSummary(
        version=manifest["version"],
        created=manifest.get("created", ""),
        accuracy=metrics.get("accuracy"),
        balanced_accuracy=metrics.get("balanced_accuracy"),
        since=since,
        size=sum(manifest["sizes"].values()),
    )


def prunable(
    listed: Sequence[VersionSummary],
    production: Production | None,
    *,
    keep: int | None,
    incomplete: bool,
) -> list[str]:
    """Return the versions that may be removed, the oldest first.

    Args:
        listed: every version, the oldest first.
        production: what is in production; it and the previous version are never removed.
        keep: number of the newest versions that stay; None: all that are complete.
        incomplete: whether to include those without a manifest; one may be a publish under way.
    """
    usable = [each.version for each in listed if not each.fault]
    broken = [each.version for each in listed if each.incomplete and incomplete]
    stay = (production.version, production.promotion.previous) if production else ()
    old = [] if keep is None else usable[: max(0, len(usable) - keep)]
    return [version for version in broken + old if version not in stay]
