"""The section on the slices: the results of each version by slice."""

from lradapt.reporting.dossier.collected import Collected, Version
from lradapt.reporting.dossier.param_changes import NOT_RECORDED
from lradapt.reporting.dossier.references import ANSWERS
from lradapt.reporting.dossier.section import Section, Table, percent


def section(collected: Collected, since: str) -> Section:
    """Return the section of the slices of each version."""
    shown = [each for each in collected.versions if not each.created or each.created >= since]
    without = [each.name for each in shown if each.manifest.get("slices") is None]
    sentences = [
        "Accuracy by the columns of evaluate.slices, with 95 % intervals (docs/method.md)."
    ]
    if without:
        sentences.append(f"Slices are {NOT_RECORDED} for {', '.join(without)}.")
    none = [each.name for each in shown if each.manifest.get("slices") == []]
    if none:
        sentences.append(f"No column was named (evaluate.slices: []) for {', '.join(none)}.")
    return Section(
        "slices",
        "Slices",
        ANSWERS["slices"],
        sentences,
        (
            Table(
                "Results by slice",
                ("version", "column", "value", "images", "accuracy", "interval", "expected", "p"),
                [row for each in shown for row in _slice_rows(each)],
            ),
        ),
    )


def _slice_rows(version: Version) -> list[tuple[str, ...]]:
    return [
        (
            version.name,
            each["column"],
            each["value"],
            f"{each['images']:,}",
            percent(each["accuracy"]),
            " to ".join(map(percent, each["interval"])),
            percent(each["expected"]),
            "-" if each["p"] is None else f"{each['p']:.3g}",
        )
        for each in version.manifest.get("slices") or ()
    ]
