"""The section on the versions: the data, code and params of each, and what changed."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lradapt.reporting.dossier.collected import Collected, Version
from lradapt.reporting.dossier.param_changes import NOT_RECORDED, ValueChange, value_changes
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import (
    Section,
    Table,
    change_cells,
    code_in_words,
    percent,
    second,
    short,
)

_LEFT_OUT = ("gate", "chosen_by_import")


def section(collected: Collected, since: str) -> Section:
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
        code_in_words(manifest.get("code")),
        short((manifest.get("gate_rules") or {}).get("sha256")),
        percent(metrics.get("balanced_accuracy")),
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
    return [(before.name, after.name, *change_cells(each)) for each in changes]


def faults(versions: Sequence[Version]) -> list[str]:
    """Return the versions that cannot be used, each with its reason."""
    return [f"{each.name}: {each.fault}" for each in versions if each.fault]
