"""The section on the gate's rules: when each was frozen, and every change."""

from lradapt.gate.rules import rules_sha256
from lradapt.registry.protocol import RulesRecord
from lradapt.reporting.dossier.collected import Collected
from lradapt.reporting.dossier.param_changes import NOT_RECORDED
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.rule_history import RulesChange, rule_changes, rules_in_use
from lradapt.reporting.dossier.section import Section, Table, change_cells, in_words, second, short


def section(collected: Collected, since: str) -> Section:
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
    return [(before, after, *change_cells(each)) for each in change.changes]
