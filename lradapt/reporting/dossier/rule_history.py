"""The gate's rules from version to version and from comparison to comparison, with each change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from lradapt.gate.rules import rules_sha256
from lradapt.reporting.dossier.collected import Collected
from lradapt.reporting.dossier.param_changes import ValueChange, value_changes


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesInUse:
    """The rules at one time.

    Attributes:
        at: when; UTC, ISO 8601.
        version: that was published or compared.
        source: "comparison", or "published" for the params in a version's manifest.
        rules: by name.
        sha256: of the rules.
        frozen_at: when the run wrote them into the registry; empty if not recorded.
        gate_code: hash of the source files that decide; empty if not recorded.
    """

    at: str
    version: str
    source: str
    rules: Mapping[str, Any]
    sha256: str
    frozen_at: str = ""
    gate_code: str = ""


@dataclass(frozen=True, slots=True)
class RulesChange:
    """Two uses of the rules, one after the other, and the values that differ."""

    before: RulesInUse
    after: RulesInUse
    changes: tuple[ValueChange, ...]


def rules_in_use(collected: Collected) -> list[RulesInUse]:
    """Return the rules that each version was published with and each comparison used, by time."""
    return sorted(
        [*_of_versions(collected), *_of_comparisons(collected)],
        key=lambda each: (each.at, each.source != "published", each.version),
    )


def rule_changes(used: Sequence[RulesInUse]) -> list[RulesChange]:
    """Return each change of a value, or of the code of the gate, with the old and the new one."""
    found = []
    for before, after in pairwise(used):
        changes = value_changes(before.rules, after.rules, "gate.")
        if before.gate_code and after.gate_code and before.gate_code != after.gate_code:
            changes.append(ValueChange("code of the gate", before.gate_code, after.gate_code))
        if changes:
            found.append(RulesChange(before, after, tuple(changes)))
    return found


def _of_versions(collected: Collected) -> list[RulesInUse]:
    found = []
    for each in collected.versions:
        rules = each.manifest.get("params", {}).get("gate")
        if rules:
            frozen = each.manifest.get("gate_rules") or {}
            found.append(
                RulesInUse(
                    at=each.created,
                    version=each.name,
                    source="published",
                    rules=rules,
                    sha256=rules_sha256(rules),
                    frozen_at=frozen.get("frozen_at") or "",
                )
            )
    return found


def _of_comparisons(collected: Collected) -> list[RulesInUse]:
    return [
        RulesInUse(
            at=each.asked["at"],
            version=each.asked["version"],
            source="comparison",
            rules=each.asked["rules"],
            sha256=each.asked["rules_sha256"],
            frozen_at=each.asked["rules_frozen_at"] or "",
            gate_code=each.asked["gate_code"],
        )
        for each in collected.comparisons
        if each.asked
    ]
