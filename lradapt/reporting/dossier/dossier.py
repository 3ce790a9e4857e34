"""The dossier as Markdown, as a page and as JSON; each is made from the registry alone.

It has no time of its own: as long as the registry is the same, so is the dossier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lradapt.registry.protocol import RulesRecord
from lradapt.reporting.dossier import (
    allowed_changes_section,
    asked_images_section,
    moves_section,
    promotions_section,
    rules_section,
    slices_section,
    verdicts_section,
    versions_section,
)
from lradapt.reporting.dossier.bounds import bounds_of_params
from lradapt.reporting.dossier.collected import Collected, Version
from lradapt.reporting.dossier.moves import Moves, moves_of
from lradapt.reporting.dossier.param_changes import ABSENT
from lradapt.reporting.dossier.references import ANSWERS, EU, FDA, NOT_ANSWERED
from lradapt.reporting.dossier.rule_history import rule_changes, rules_in_use
from lradapt.reporting.dossier.section import Section, second
from lradapt.reporting.dossier.use_of_test import use_of_test_images
from lradapt.reporting.pages import render_page, render_text


def as_markdown(collected: Collected, since: str = "") -> str:
    """Return the dossier in Markdown.

    Args:
        collected: what the registry has.
        since: UTC, ISO 8601; earlier versions, comparisons and promotions are left out. Empty: all.
    """
    return render_text("dossier.md.jinja", **_values(collected, since))


def as_page(collected: Collected, since: str = "") -> str:
    """Return the dossier as one HTML page; for `since` see `as_markdown`."""
    return render_page("dossier.html.jinja", **_values(collected, since))


def _values(collected: Collected, since: str) -> dict[str, Any]:
    return {
        "name": collected.name,
        "location": collected.location,
        "since": second(since) if since else "",
        "summary": summary(collected),
        "missing": missing(collected),
        "sections": _sections(collected, since),
        "references": (FDA, EU),
        "not_answered": NOT_ANSWERED,
    }


def _sections(collected: Collected, since: str) -> list[Section]:
    return [
        allowed_changes_section.section(collected),
        rules_section.section(collected, since),
        versions_section.section(collected, since),
        verdicts_section.section(collected, since),
        asked_images_section.section(collected),
        slices_section.section(collected, since),
        moves_section.section(collected, since),
        promotions_section.section(collected, since),
    ]


def summary(collected: Collected) -> dict[str, str]:
    """Return the figures at the head of the dossier."""
    kinds = [each.kind for each in collected.promotions]
    live = collected.promotions[-1] if collected.promotions else None
    return {
        "in production": f"{live.version} since {second(live.at)}" if live else "nothing",
        "versions": str(len(collected.versions)),
        "comparisons recorded": str(len(collected.comparisons)),
        "promotions by the gate": str(kinds.count("promotion")),
        "overrides": str(kinds.count("override")),
        "withdrawals": str(kinds.count("rollback") + kinds.count("smoke_test_failure")),
        "changes of the rules": str(len(rule_changes(rules_in_use(collected)))),
    }


def missing(collected: Collected) -> list[str]:
    """Return what the registry does not have, in sentences."""
    found = [
        "The project was not read: a value in params.yaml that no run has used yet is not here.",
    ]
    if not collected.are_signatures_checked:
        found.append("No signature was checked: no keys are trusted where this was made.")
    usable = [each for each in collected.versions if not each.fault]
    lacking = {
        "the rules' hash (published before lradapt recorded it, or by hand)": _without(
            usable, "gate_rules"
        ),
        "hashes of their data": _without(usable, "data"),
        "params": _without(usable, "params"),
        "the commit of the code (it was not in git)": _without(usable, "code"),
        "dvc.lock, so the stages are not known": _without(usable, "dvc_lock"),
    }
    found += [f"Versions without {what}: {', '.join(of)}." for what, of in lacking.items() if of]
    faulty = versions_section.faults(collected.versions)
    found += [f"A version cannot be used. {each}" for each in faulty]
    found += [
        f"Rules are not trusted. {each.fault}" for each in collected.frozen_rules if each.fault
    ]
    unsound = [each.id for each in collected.comparisons if each.faults]
    if unsound:
        found.append(f"Comparisons whose record has faults: {', '.join(unsound)}.")
    unanswered = [each.id for each in collected.comparisons if not each.verdict]
    if unanswered:
        found.append(f"Comparisons that were begun and have no verdict: {', '.join(unanswered)}.")
    return found + _pruned(collected)


def _without(versions: Sequence[Version], key: str) -> list[str]:
    return [each.name for each in versions if not each.manifest.get(key)]


def _pruned(collected: Collected) -> list[str]:
    """Return the versions that the log or a comparison names, and that are not there any more."""
    named = {each.version for each in collected.promotions}
    named |= {each.asked["version"] for each in collected.comparisons if each.asked}
    gone = sorted(named - {each.name for each in collected.versions})
    if not gone:
        return []
    return [f"Versions that were removed since, with their manifests: {', '.join(gone)}."]


def as_json(collected: Collected, since: str = "") -> dict[str, Any]:
    """Return everything that the dossier shows, with whole hashes; null is not recorded."""
    use = asdict(use_of_test_images(collected))
    return {
        "name": collected.name,
        "registry": collected.location,
        "since": since or None,
        "summary": summary(collected),
        "missing": missing(collected),
        "bounds": bounds_of_params(),
        "rules": {
            "frozen": [_frozen(each) for each in collected.frozen_rules],
            "used": [asdict(each) for each in rules_in_use(collected)],
            "changes": [_change(asdict(each)) for each in rule_changes(rules_in_use(collected))],
        },
        "versions": [
            _version(before, after)
            for before, after in zip((None, *collected.versions), collected.versions, strict=False)
            if not after.created or after.created >= since
        ],
        "comparisons": [
            asdict(each)
            for each in collected.comparisons
            if not each.asked or each.asked["at"] >= since
        ],
        "test_images": use | {"times": {str(key): of for key, of in use["times"].items()}},
        "moves": [_moves(each) for each in moves_of(collected.versions)],
        "promotions": [each.as_dict() for each in collected.promotions if each.at >= since],
        "references": {"sources": [FDA, EU], "answers": dict(ANSWERS)},
        "not_answered": list(NOT_ANSWERED),
    }


def _version(before: Version | None, after: Version) -> dict[str, Any]:
    manifest = after.manifest
    keys = ("run", "ancestor", "code", "data", "libraries", "params_sha256", "gate_rules", "slices")
    changes = versions_section.changes_between(before, after) if before and not before.fault else []
    return {
        "version": after.name,
        "created": after.created or None,
        "fault": after.fault or None,
        "signed_by": after.signed_by or None,
        "manifest_sha256": after.manifest_sha256 or None,
        "files": manifest.get("files"),
        **{key: manifest.get(key) for key in keys},
        "params": manifest.get("params"),
        "changes": [] if after.fault else [_change(asdict(each)) for each in changes],
    }


def _frozen(each: RulesRecord) -> dict[str, Any]:
    return {**each.facts, "signed_by": each.signed_by or None, "fault": each.fault or None}


def _change(change: dict[str, Any]) -> dict[str, Any]:
    """Return a change with null for a value that is absent."""
    return {key: None if of == ABSENT else of for key, of in change.items()}


def _moves(each: Moves | tuple[str, str]) -> Mapping[str, Any]:
    if isinstance(each, Moves):
        return asdict(each)
    lists = ("stayed", "relabelled", "to_training", "to_test", "new", "gone")
    return {"before": each[0], "after": each[1], **dict.fromkeys(lists)}
