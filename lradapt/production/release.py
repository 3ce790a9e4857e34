"""Promote a challenger if the gate or a person decides so, and test it in production."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from lradapt.config.paths import Paths
from lradapt.errors import LradaptError
from lradapt.gate.verdict import Verdict
from lradapt.production import smoke_test
from lradapt.production.challenger import EvaluatedChallenger, evaluate_challenger
from lradapt.production.comparison_record import PASSED, FrozenRules, record_outcome
from lradapt.production.interrupted import Interrupted, find_interrupted, last_comparison
from lradapt.registry.promotions import Production, Promotion
from lradapt.registry.protocol import ComparisonFile
from lradapt.registry.registry import Registry
from lradapt.registry.store import ChangedError

log = logging.getLogger(__name__)

_NUM_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a release ended.

    Attributes:
        version: the evaluated version.
        verdict: the verdict of the gate.
        promotion: the promotion of the version, also one by an interrupted run that this one has
            completed; None if production has not changed.
        fault: why the version failed the smoke test; empty if it passed.
        restored: the promotion that restored the previous version after such a fault; None if
            nothing was restored.
        previous: the version in production during the evaluation; empty before the first promotion.
    """

    version: str
    verdict: Verdict
    promotion: Promotion | None
    fault: str = ""
    restored: Promotion | None = None
    previous: str = ""


def evaluate_and_promote(
    registry: Registry,
    version: str,
    paths: Paths,
    frozen: FrozenRules,
    *,
    override: str = "",
    by: str = "",
    tell: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Compare a version with the one in production, and promote it if it passes.

    It passes if the gate promotes it or a person overrides the gate. If another process promotes
    meanwhile, the version is compared again, with the new champion.

    Args:
        registry: the registry that has the version.
        version: the challenger.
        paths: the paths of `dvc.yaml`.
        frozen: the rules of promotion.
        override: a person's reason to promote it although the gate keeps the champion; the log
            has both reasons. It has no effect on a model that is invalid.
        by: the author of the promotion, for the log; by default user and host.
        tell: is given the outcome before the outcome is recorded: if this run is killed, the next
            one with this version tells it. So it may be told twice.

    Raises:
        ChangedError: other processes promoted several times in a row.
    """
    for _ in range(_NUM_ATTEMPTS):
        challenger = evaluate_challenger(registry, version, paths, frozen)
        try:
            return promote_challenger(
                registry, challenger, paths, override=override, by=by, tell=tell
            )
        except ChangedError:
            continue
    raise ChangedError(
        f"other processes promoted a version of {registry.name} {_NUM_ATTEMPTS} times in a row; "
        "run again"
    )


def promote_challenger(
    registry: Registry,
    challenger: EvaluatedChallenger,
    paths: Paths,
    *,
    override: str = "",
    by: str = "",
    tell: Callable[[Outcome], None] | None = None,
) -> Outcome:
    """Promote a version, and run the smoke test.

    It is promoted if the gate promotes it or a person overrides the gate. If the test fails, the
    previous version is restored; both promotions are in the log. If the version is in production
    already, the smoke test still runs. If the last change of production is of an interrupted
    attempt with this version, the outcome is that of the attempt (`complete_interrupted`: with
    another version).

    For `override`, `by` and `tell` see `evaluate_and_promote`.

    Raises:
        ChangedError: the champion of the comparison is no longer in production.
    """
    version, champion = challenger.version, challenger.champion
    outcome = Outcome(
        version, challenger.verdict, None, previous=champion.version if champion else ""
    )
    override, live = override.strip(), registry.production()
    withdrawn = challenger.record is None  # or in production: it was not compared
    if (live and live.version == version) or (withdrawn and not override):
        return _completed(registry, outcome, live, paths, by=by, tell=tell)
    asked = challenger.record or last_comparison(registry, version)
    promotion = _promote(registry, challenger, override, by)
    try:  # the test first: a record that cannot be written leaves no model untested
        if promotion:
            outcome = replace(outcome, promotion=promotion)
            outcome = _smoke_tested(registry, outcome, promotion, paths, by)
    except Exception:
        with suppress(LradaptError):  # the error of the test is the one to report
            _record(registry, asked, outcome, override, tested=False)
        raise
    if tell:
        tell(outcome)
    _record(registry, asked, outcome, override)
    return outcome


def complete_interrupted(
    registry: Registry,
    version: str,
    paths: Paths,
    *,
    by: str = "",
    tell: Callable[[Outcome], None] | None = None,
) -> Outcome | None:
    """End what a killed run with another version than this one has begun in production.

    For `version` itself `promote_challenger` does it. For `by` and `tell` see
    `evaluate_and_promote`.

    Returns:
        How the release of the other version ended; None if nothing was begun.
    """
    begun = find_interrupted(registry)
    if begun is None or begun.promotion.version == version:
        return None
    promoted = begun.promotion.version
    log.warning("the run that promoted %s has not recorded the outcome: completing it", promoted)
    outcome = Outcome(promoted, begun.verdict, None)
    return _completed(registry, outcome, registry.production(), paths, by=by, tell=tell)


def _completed(
    registry: Registry,
    outcome: Outcome,
    live: Production | None,
    paths: Paths,
    *,
    by: str,
    tell: Callable[[Outcome], None] | None,
) -> Outcome:
    """Test a version that is in production already; end what an interrupted attempt has begun."""
    begun = find_interrupted(registry)
    begun = begun if begun and begun.promotion.version == outcome.version else None
    if begun:
        outcome = _continued(outcome, begun)
    if live and live.version == outcome.version:
        outcome = _smoke_tested(registry, outcome, live.promotion, paths, by)
    if tell:
        tell(outcome)
    if begun:
        override = begun.promotion.reason if begun.promotion.kind == "override" else ""
        _record(registry, begun.record, outcome, override)
    elif live and outcome.restored:  # a later test than that of the promotion has undone it
        asked = last_comparison(registry, outcome.version)
        _record(registry, asked, replace(outcome, promotion=live.promotion), override="")
    return outcome


def _continued(outcome: Outcome, begun: Interrupted) -> Outcome:
    """Return the outcome of an interrupted attempt, as far as the attempt came."""
    return replace(
        outcome,
        verdict=begun.verdict,
        promotion=begun.promotion,
        fault=begun.restored.reason if begun.restored else "",
        restored=begun.restored,
        previous=begun.promotion.previous,
    )


def _record(
    registry: Registry,
    asked: ComparisonFile | None,
    outcome: Outcome,
    override: str,
    *,
    tested: bool = True,
) -> None:
    """Record how a comparison ended, if there was one."""
    if asked is None:
        return
    verdict, promotion = outcome.verdict, outcome.promotion
    found = (outcome.fault or PASSED) if promotion and tested else None
    record_outcome(registry, asked, verdict, promotion, override=override, smoke_test=found)


def _promote(
    registry: Registry, challenger: EvaluatedChallenger, override: str, by: str
) -> Promotion | None:
    version, verdict, champion = challenger.version, challenger.verdict, challenger.champion
    seen = challenger.manifest_sha256
    if verdict.decision == "promote":
        return registry.promote(
            version,
            over=champion,
            kind="promotion",
            reason=verdict.reason,
            by=by,
            manifest_sha256=seen,
        )
    if verdict.decision == "keep" and override:
        without = "keep the champion" if champion else "promote nothing"
        reason = f"{override} (the gate would {without}: {verdict.reason})"
        return registry.promote(
            version, over=champion, kind="override", reason=reason, by=by, manifest_sha256=seen
        )
    return None


def _smoke_tested(
    registry: Registry, outcome: Outcome, promotion: Promotion, paths: Paths, by: str
) -> Outcome:
    fault = smoke_test.find_fault(registry, promotion, smoke_test.samples(paths))
    if not fault:
        return outcome
    log.error("%s failed the smoke test in production: %s", outcome.version, fault)
    restored = smoke_test.restore_previous(registry, promotion, fault, by=by)
    return replace(outcome, fault=fault, restored=restored)
