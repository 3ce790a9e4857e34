"""The section on the registry's log: promotions, overrides, rollbacks and withdrawals."""

from lradapt.registry.promotions import Promotion
from lradapt.reporting.dossier.collected import Collected
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import Section, Table, second

_KINDS = {
    "promotion": "promoted by the gate",
    "override": "override: promoted by a person against the gate",
    "rollback": "withdrawn by a person (rollback)",
    "smoke_test_failure": "withdrawn: the smoke test failed",
    "key_change": "change of key",
}


def section(collected: Collected, since: str) -> Section:
    """Return the section of the log: promotions, overrides, rollbacks and withdrawals."""
    shown = [each for each in collected.promotions if each.at >= since]
    counts = {kind: sum(each.kind == kind for each in shown) for kind in _KINDS}
    words = "; ".join(f"{count} x {_KINDS[kind]}" for kind, count in counts.items() if count)
    return Section(
        "production",
        "What went into production, and out of it",
        ANSWERS["production"],
        (f"{words or 'Nothing'}.",),
        (
            Table(
                "The log of the registry, the first one first",
                ("number", "at (UTC)", "version", "instead of", "how", "by", "key", "why"),
                [_promotion_row(each) for each in shown],
            ),
        ),
    )


def _promotion_row(each: Promotion) -> tuple[str, ...]:
    return (
        str(each.sequence),
        second(each.at),
        each.version,
        each.previous or "nothing",
        _KINDS.get(each.kind, each.kind),
        each.by,
        each.key or "not signed",
        each.reason,
    )
