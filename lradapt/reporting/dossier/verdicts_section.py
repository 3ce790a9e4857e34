"""The section on the comparisons: what was asked, the verdict, and what followed."""

from collections.abc import Mapping
from typing import Any

from lradapt.gate.rules import rules_sha256
from lradapt.registry.protocol import ComparisonRecord
from lradapt.reporting.dossier.collected import Collected
from lradapt.reporting.dossier.param_changes import NOT_RECORDED
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import Section, Table, code_in_words, second, short


def section(collected: Collected, since: str) -> Section:
    """Return the section of the comparisons: what was asked, the verdict, and what followed."""
    shown = [each for each in collected.comparisons if _at(each) >= since]
    faults = [(each.id, fault) for each in shown for fault in each.faults]
    return Section(
        "verdicts",
        "Every verdict with its data",
        ANSWERS["verdicts"],
        (
            "Each comparison is recorded before the first prediction and after the last, also "
            "where the gate kept the model in production. A challenger that is in production "
            "already, or that was withdrawn, is not compared.",
        ),
        (
            Table(
                "Comparisons, the first one first",
                (
                    "asked (UTC)",
                    "challenger",
                    "champion",
                    "rules",
                    "rules frozen (UTC)",
                    "labels",
                    "images",
                    "split",
                    "code",
                    "held-out images",
                ),
                [_asked_row(each) for each in shown] or [(NOT_RECORDED, *[""] * 9)],
            ),
            Table(
                "Their verdicts",
                (
                    "challenger",
                    "decision",
                    "difference, lower bound",
                    "reason",
                    "what followed",
                    "signed by",
                ),
                [_verdict_row(each) for each in shown],
            ),
            Table("Faults of the record", ("comparison", "fault"), faults),
        ),
    )


def _at(each: ComparisonRecord) -> str:
    return each.asked["at"] if each.asked else "9999"  # shown always: its time is not known


def _asked_row(each: ComparisonRecord) -> tuple[str, ...]:
    if not each.asked:
        return each.id, *[NOT_RECORDED] * 9
    asked, data = each.asked, each.asked["data"]
    sound = rules_sha256(asked["rules"]) == asked["rules_sha256"]
    return (
        second(asked["at"]),
        asked["version"],
        (asked["champion"] or {}).get("version", "none"),
        short(asked["rules_sha256"]) if sound else "DAMAGED: not their hash",
        second(asked["rules_frozen_at"]),
        *(short(data[key]) for key in ("labels", "table", "split")),
        code_in_words(asked["code"]),
        f"{asked['held_out']['images']:,} of {asked['test_images']['images']:,}",
    )


def _verdict_row(each: ComparisonRecord) -> tuple[str, ...]:
    version = each.asked["version"] if each.asked else each.id
    signer = each.signed_by or ("see its faults" if each.faults else "not checked")
    if not each.verdict:
        return version, "no verdict: interrupted", "", "", _followed(each), signer
    found = each.verdict["comparison"]
    figures = (
        f"{100 * found['difference']:+.2f}, {100 * found['lower']:+.2f} points" if found else "-"
    )
    decision, reason = each.verdict["decision"], each.verdict["reason"]
    return version, decision, figures, reason, _followed(each), signer


def _followed(each: ComparisonRecord) -> str:
    return "; ".join(map(_outcome, each.outcomes)) or NOT_RECORDED


def _outcome(outcome: Mapping[str, Any]) -> str:
    if outcome["promotion"]:
        why = f", override: {outcome['override']}" if outcome["override"] else ""
        return f"promotion {outcome['promotion']}{why}"
    return f"nothing changed ({outcome['decision']}: {outcome['reason']})"
