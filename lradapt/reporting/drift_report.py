"""The drift of a record for people and programs: a page, Markdown, a table and JSON."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from lradapt.drift.false_alarms import LEVEL_OF_A_YEAR
from lradapt.drift.period_drift import Drift, PeriodDrift, Tested
from lradapt.drift.signals import SIGNALS
from lradapt.plots.canvas import Plot
from lradapt.plots.drift import drift_plot
from lradapt.reporting.markdown import escaped
from lradapt.reporting.pages import png_uri, render_page

COLUMNS = ("images", *SIGNALS, "est. accuracy", "result")
"""Of the table, after that of the period."""


def render(drift: Drift) -> str:
    """Render the page: the plot, a line for each period, the classes of the last one tested."""
    last = drift.last_tested
    return render_page(
        "drift.html.jinja",
        drift=drift,
        basis=basis(drift),
        svg=plot(drift).svg(alt="p-values, estimated accuracy and images of each period"),
        columns=COLUMNS,
        rows=[(each.name, cells(each)) for each in drift.periods],
        last=last.name if last else "",
        shares=_shares(drift, last.tested) if last and last.tested else [],
    )


def as_markdown(drift: Drift) -> str:
    """Return what the page shows, for Prefect's UI."""
    head = f"| {drift.period} | {' | '.join(COLUMNS)} |"
    lines = [f"| {each.name} | {' | '.join(cells(each))} |" for each in drift.periods]
    table = "\n".join([head, "|---" * (len(COLUMNS) + 1) + "|", *lines])
    notes = "\n".join(f"- {escaped(note)}" for note in drift.notes)
    picture = f"![drift]({png_uri(plot(drift).png())})"
    return "\n\n".join(filter(None, [basis(drift), picture, table, notes]))


def as_json(drift: Drift) -> dict[str, Any]:
    """Return the value of `lradapt drift --json`; docs/terminal.md has its keys."""
    return {
        "version": drift.version,
        "period": drift.period,
        "level": drift.level,
        "classes": list(drift.classes),
        "reference": {
            "images": drift.num_reference,
            "accuracy": drift.accuracy,
            "shares": list(drift.shares),
        },
        "periods": [period_as_json(each) for each in drift.periods],
        "notes": list(drift.notes),
    }


def basis(drift: Drift) -> str:
    """Return a sentence on the reference and the level."""
    return (
        f"Version {drift.version}, compared with its {drift.num_reference:,} test and validation "
        f"images (accuracy {drift.accuracy:.1%}). A p-value of at most {drift.level:.2g} is "
        f"drift: {LEVEL_OF_A_YEAR:.0%} of false alarms a year, all tests together."
    )


def cells(period: PeriodDrift) -> list[str]:
    """Return the cells of a period in the order of `COLUMNS`; a test that drifted has a star."""
    tested = period.tested
    if tested is None:
        return [
            f"{period.num_images:,}",
            *[""] * (len(SIGNALS) + 1),
            f"not tested: {period.reason}",
        ]
    p_values = [_p_value(tested, signal) for signal in SIGNALS]
    accuracy = f"{tested.accuracy.accuracy:.1%} ± {1.96 * tested.accuracy.error:.1%}"
    result = f"drift: {', '.join(tested.drifted)}" if tested.drifted else "no drift"
    return [f"{period.num_images:,}", *p_values, accuracy, result]


def plot(drift: Drift) -> Plot:
    """Return the plot of all periods."""
    rows = [_plotted(each) for each in drift.periods]
    return drift_plot(pd.DataFrame(rows), level=drift.level, accuracy=drift.accuracy)


def _p_value(tested: Tested, signal: Any) -> str:
    if signal not in tested.p_values:
        return "-"
    star = " *" if signal in tested.drifted else ""
    return f"{tested.p_values[signal]:.2g}{star}"


def _plotted(period: PeriodDrift) -> dict[str, Any]:
    tested, nothing = period.tested, float("nan")
    return {
        "period": period.name,
        "images": period.num_images,
        "accuracy": tested.accuracy.accuracy if tested else nothing,
        "error": tested.accuracy.error if tested else nothing,
        **{each: tested.p_values.get(each, nothing) if tested else nothing for each in SIGNALS},
    }


def _shares(drift: Drift, tested: Tested) -> Sequence[tuple[str, str, str]]:
    """Return each class with its share in the reference and its estimated one."""
    pairs = zip(drift.classes, drift.shares, tested.shares, strict=True)
    return [(name, f"{before:.1%}", f"{now:.1%}") for name, before, now in pairs]


def period_as_json(period: PeriodDrift) -> dict[str, Any]:
    """Return a period of `as_json`, which is also the payload of the event."""
    tested = period.tested
    return {
        "name": period.name,
        "first": period.first.isoformat(),
        "end": period.end.isoformat(),
        "images": period.num_images,
        "groups": period.num_groups,
        "repeated": period.num_repeated,
        "other_versions": period.num_others,
        "not_tested": period.reason or None,
        "drifted": bool(tested and tested.drifted),
        "signals": list(tested.drifted) if tested else [],
        "p_values": tested.p_values if tested else {},
        "estimated_accuracy": asdict(tested.accuracy) if tested else None,
        "estimated_shares": list(tested.shares) if tested else [],
        "brightness": tested.brightness if tested else None,
        "sharpness": tested.sharpness if tested else None,
    }
