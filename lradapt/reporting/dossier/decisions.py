"""Sections: the gate's rules, the versions, the verdicts, and what went into production."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lradapt.gate.rules import rules_sha256
from lradapt.registry.promotions import Promotion
from lradapt.registry.protocol import ComparisonRecord, RulesRecord
from lradapt.reporting.dossier.collected import Collected, Version
from lradapt.reporting.dossier.param_changes import NOT_RECORDED, ValueChange, value_changes
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.rule_history import RulesChange, rule_changes, rules_in_use
from lradapt.reporting.dossier.section import (
    Section,
    Table,
    in_words,
    percent,
    second,
    short,
)

_KINDS = {
    "promotion": "promoted by the gate",
    "override": "override: promoted by a person against the gate",
    "rollback": "withdrawn by a person (rollback)",
    "smoke_test_failure": "withdrawn: the smoke test failed",
    "key_change": "change of key",
}
_LEFT_OUT = ("gate", "chosen_by_import")


def rules(collected: Collected, since: str) -> Section:
    """Return the section of the rules: when each was frozen, and every change."""
    changes = [each for each in rule_changes(rules_in_use(collected)) if each.after.at >= since]
    frozen = [_frozen_row(each) for each in collected.frozen_rules]
    sentence = (
        "A run writes the rules into the registry before it trains anything, under their hash, and "
        "decides by these, also if params.yaml is edited meanwhile. "
    )
    sentence += (
        "Between the versions and comparisons shown the rules have not changed."
        if not changes
        else f"The rules have changed {len(changes)} time(s)."
    )
    return Section(
        "rules",
        "The rules of the gate",
        ANSWERS["rules"],
        (sentence,),
        (
            Table(
                "Rules that were frozen",
                ("sha256", "first frozen (UTC)", "by", "content", "signed by"),
                frozen or [(NOT_RECORDED, *[""] * 4)],
            ),
            _latest_rules(collected),
            Table(
                "Changes of the rules",
                ("from", "to", "value", "old", "new"),
                [row for each in changes for row in _change_rows(each)],
            ),
        ),
    )


def _frozen_row(frozen: RulesRecord) -> tuple[str, ...]:
    facts = frozen.facts
    sound = rules_sha256(facts["rules"]) == facts["sha256"]
    return (
        short(facts["sha256"]),
        second(facts["at"]),
        facts["by"],
        "matches its hash" if sound else "DAMAGED",
        frozen.fault or frozen.signed_by or "not checked",
    )


def _latest_rules(collected: Collected) -> Table:
    used = rules_in_use(collected)
    rows = [(key, in_words(value)) for key, value in used[-1].rules.items()] if used else []
    where = f"{used[-1].version}, {second(used[-1].at)}" if used else ""
    return Table(f"The rules as last used ({where})", ("rule (gate.)", "value"), rows)


def _change_rows(change: RulesChange) -> list[tuple[str, ...]]:
    before, after = (f"{each.version}, {second(each.at)}" for each in (change.before, change.after))
    return [(before, after, *_value(each)) for each in change.changes]


def _value(change: ValueChange) -> tuple[str, str, str]:
    return change.key, in_words(change.old), in_words(change.new)


def versions(collected: Collected, since: str) -> Section:
    """Return the section of the versions: the data, code and params of each, and what changed."""
    shown = [each for each in collected.versions if each.created >= since or each.fault]
    pairs = [pair for pair in pairwise(collected.versions) if pair[1].created >= since]
    return Section(
        "versions",
        "Every version with its data",
        ANSWERS["versions"],
        ("Hashes are the first 12 digits of a sha256; --json has them whole.",),
        (
            Table(
                "Versions, the oldest first",
                (
                    "version",
                    "published (UTC)",
                    "signed by",
                    "labels",
                    "images",
                    "split",
                    "code",
                    "rules",
                    "balanced accuracy",
                ),
                [_version_row(each) for each in shown],
            ),
            Table(
                "Changes of params, stages and libraries from one version to the next",
                ("from", "to", "value", "old", "new"),
                [row for pair in pairs for row in _version_changes(*pair)],
            ),
        ),
    )


def _version_row(each: Version) -> tuple[str, ...]:
    if each.fault:
        return each.name, f"cannot be used: {each.fault}", *[""] * 7
    manifest = each.manifest
    data, metrics = manifest.get("data") or {}, manifest.get("metrics") or {}
    return (
        each.name,
        second(each.created),
        each.signed_by or "not checked",
        *(short(data.get(key)) for key in ("labels", "table", "split")),
        _code(manifest.get("code")),
        short((manifest.get("gate_rules") or {}).get("sha256")),
        percent(metrics.get("balanced_accuracy")),
    )


def _code(code: Mapping[str, Any] | None) -> str:
    return (
        f"{short(code['commit'])}{', with changes' if code['dirty'] else ''}"
        if code
        else NOT_RECORDED
    )


def changes_between(before: Version, after: Version) -> list[ValueChange]:
    """Return what a person has changed from one version to the next, but for the gate's rules."""
    return value_changes(_by_people(before.manifest), _by_people(after.manifest))


def _by_people(manifest: Mapping[str, Any]) -> dict[str, Any]:
    params = {k: v for k, v in (manifest.get("params") or {}).items() if k not in _LEFT_OUT}
    stages = (manifest.get("dvc_lock") or {}).get("stages") or {}
    return {
        "params.yaml": params,
        "library": manifest.get("libraries") or {},
        "code": {"commit": (manifest.get("code") or {}).get("commit", NOT_RECORDED)},
        "command of stage": {name: stage.get("cmd", "") for name, stage in stages.items()},
    }


def _version_changes(before: Version, after: Version) -> list[tuple[str, ...]]:
    if before.fault or after.fault:
        return [(before.name, after.name, NOT_RECORDED, "", "")]
    changes = changes_between(before, after)
    return [(before.name, after.name, *_value(each)) for each in changes]


def verdicts(collected: Collected, since: str) -> Section:
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
        _code(asked["code"]),
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


def production(collected: Collected, since: str) -> Section:
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


def faults(versions: Sequence[Version]) -> list[str]:
    """Return the versions that cannot be used, each with its reason."""
    return [f"{each.name}: {each.fault}" for each in versions if each.fault]
