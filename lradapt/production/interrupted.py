"""A promotion whose run ended before it had recorded the outcome: the next run completes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.gate.verdict import Verdict
from lradapt.production.changes import production_changes
from lradapt.production.comparison_record import PASSED
from lradapt.production.withdrawn import withdrawal_reason
from lradapt.registry.promotions import Promotion
from lradapt.registry.protocol import ComparisonFile, ComparisonRecord, read_last_comparison
from lradapt.registry.registry import Registry


@dataclass(frozen=True, slots=True)
class Interrupted:
    """What a run has done to production, and not recorded.

    Attributes:
        record: of the comparison.
        verdict: that the run would have reported.
        promotion: of the version.
        restored: the promotion that restored the previous version, after the smoke test; None if
            the version is still in production.
    """

    record: ComparisonFile
    verdict: Verdict
    promotion: Promotion
    restored: Promotion | None


def find_interrupted(registry: Registry) -> Interrupted | None:
    """Return the last change of production if the run that made it was interrupted.

    None if the run has recorded the outcome, or there is no sound record of the comparison.
    """
    before, promotion, restored = _last_release(production_changes(registry))
    found = _last_comparison(registry, promotion.version) if promotion else None
    if promotion is None or found is None:
        return None
    withdrawn = withdrawal_reason(before, promotion.version)
    follows = bool(withdrawn) or promotion.sequence == _champion(found) + 1
    if not follows or any(_ends(each, promotion, restored) for each in found.outcomes):
        return None
    return Interrupted(_file(found), _verdict(found, withdrawn), promotion, restored)


def last_comparison(registry: Registry, version: str) -> ComparisonFile | None:
    """Return the last comparison of a version; None if there is no sound record of one."""
    found = _last_comparison(registry, version)
    return _file(found) if found else None


def _last_comparison(registry: Registry, version: str) -> ComparisonRecord | None:
    store, trusted = registry.store, registry.keys.trusted
    found = read_last_comparison(store, registry.name, version, trusted)
    sound = found and not found.faults and found.asked and found.verdict
    return found if sound else None


def _last_release(
    changes: Sequence[Promotion],
) -> tuple[Sequence[Promotion], Promotion | None, Promotion | None]:
    """Return the changes before the last promotion by a run, this one, and what undid it.

    None instead of the promotion if the last change is not of a run, or a change is missing.
    """
    rest = [*changes]
    restored = rest.pop() if rest and rest[-1].kind == "smoke_test_failure" else None
    promotion = rest.pop() if rest and rest[-1].kind in ("promotion", "override") else None
    if restored and promotion and restored.previous != promotion.version:
        return rest, None, None
    return rest, promotion, restored


def _champion(found: ComparisonRecord) -> int:
    """Return the number of the promotion that had put the champion of a comparison there."""
    champion = (found.asked or {}).get("champion")
    return int(champion["promotion"]) if champion else 0


def _ends(outcome: Mapping[str, Any], promotion: Promotion, restored: Promotion | None) -> bool:
    """Return whether an outcome is that of a promotion and of the test that undid it, if one did.

    One that says nothing of a test is old.
    """
    if "smoke_test" not in outcome:
        return True
    of_test = outcome["smoke_test"]
    tested = of_test not in (None, PASSED) if restored else of_test is not None
    return outcome["promotion"] == promotion.sequence and tested


def _file(found: ComparisonRecord) -> ComparisonFile:
    return ComparisonFile(found.id, found.verdict_sha256)


def _verdict(found: ComparisonRecord, withdrawn: str) -> Verdict:
    """Return the verdict of a comparison, or that the version was withdrawn after it."""
    assert found.verdict is not None, "a sound record has a verdict"
    reason = withdrawn or found.verdict["reason"]
    return Verdict(
        decision="keep" if withdrawn else found.verdict["decision"],
        reason=f"{reason}; promoted by an interrupted run, completed by this one",
    )
