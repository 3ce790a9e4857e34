"""What a training did and how it was judged: lines for the terminal, a page for the browser."""

import functools
import io
import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from lradapt.costs import Price, phases, total_seconds
from lradapt.data.ingest import read_table
from lradapt.files import read_json
from lradapt.pages import png_uri, render_page
from lradapt.plots import range_test_png, schedule_png
from lradapt.release import Outcome
from lradapt.timings import Timings, read_timings

Row = tuple[str, str]


def summary(paths: Mapping[str, Path], outcome: Outcome | None) -> list[Row]:
    """What was trained, how good it is, and what the gate decided.

    Args:
        paths: of `dvc.yaml`.
        outcome: of the gate; None before it, or where nothing was published.
    """
    split, metrics = read_json(paths["split_summary"]), read_json(paths["metrics"])
    images = split["images"]
    backbone = metrics["backbone"]
    rows = [
        ("data", f"{sum(images.values()):,} images, {len(split['classes'])} classes"),
        ("set aside", _counted(split["set_aside"])),
        ("split", ", ".join(f"{side} {count:,}" for side, count in images.items())),
        ("model", f"{backbone['architecture']}, body: {_origin(backbone)}"),
        ("warm start", f"from version {metrics['ancestor']}" if metrics["ancestor"] else ""),
        ("rate of the head", _head_rate(paths)),
        ("rates by depth", _rates_by_depth(paths)),
        ("seconds", _seconds(paths["timings"])),
        ("accuracy", f"{metrics['accuracy']:.2%}"),
        ("balanced accuracy", f"{metrics['balanced_accuracy']:.2%}"),
    ]
    if outcome:
        rows += [
            ("verdict", f"{outcome.verdict.decision}: {outcome.verdict.why}"),
            ("override", _override(outcome)),
            ("version", f"{outcome.version}{'' if outcome.move else ' (not promoted)'}"),
            ("live check", _live_check(outcome)),
        ]
    return [row for row in rows if row[1]]


def next_commands(paths: Mapping[str, Path]) -> list[str]:
    """Three things to try next."""
    first = next(row.image for row in read_table(paths["table"]) if row.verdict == "ok")
    return [
        f"lradapt predict {shlex.quote(str(paths['images'] / first))}",
        "lradapt history",
        "lradapt import folder PATH --replace   # your own images, then: make retrain",
    ]


def render(
    paths: Mapping[str, Path],
    outcome: Outcome | None,
    *,
    former: Timings | None = None,
    price: Price | None = None,
) -> str:
    """The report: one HTML page with everything inside it, that needs no network.

    Args:
        paths: of `dvc.yaml`.
        outcome: of the gate; None before it, or where nothing was published.
        former: the timings before this run; None: there were none.
        price: of the machine; None: no costs are shown.
    """
    done = phases(read_timings(paths["timings"]), former or {})
    return render_page(
        "report.html.jinja",
        summary=summary(paths, outcome),
        split=read_json(paths["split_summary"]),
        metrics=read_json(paths["metrics"]),
        verdict=outcome.verdict if outcome else None,
        set_aside=pd.read_csv(paths["set_aside"], dtype=str, keep_default_na=False)
        .head(200)
        .to_dict("records"),
        pictures=_pictures(paths),
        phases=done,
        seconds=total_seconds(done),
        price=price,
    )


def _pictures(paths: Mapping[str, Path]) -> dict[str, str]:
    pictures = {
        "Confusion matrix": paths["confusion_plot"].read_bytes(),
        **range_tests(paths),
        "Rate of the head, as run": _schedule(paths["head_steps"].read_bytes()),
        "Rates by depth, as run": _schedule(paths["model_steps"].read_bytes()),
    }
    return {title: png_uri(picture) for title, picture in pictures.items()}


def range_tests(paths: Mapping[str, Path]) -> dict[str, bytes]:
    """Title -> curve, PNG, of each range test that was made."""
    pictures = {}
    head_curve, body_curve = paths["lr_curve"].read_bytes(), paths["body_lr_curve"].read_bytes()
    if _has_rows(head_curve):
        rate = read_json(paths["lr"])["rate"]
        pictures["Range test of the head"] = _range_test(head_curve, rate)
    if _has_rows(body_curve):
        rate = read_json(paths["body_lr"])["rates"]["head"]
        pictures["Range test of the unfrozen network"] = _range_test(body_curve, rate)
    return pictures


def _has_rows(table: bytes) -> bool:
    return table.count(b"\n") > 1


# A run shows each picture up to three times, and drawing takes longer than anything else of it.
@functools.lru_cache(maxsize=4)
def _range_test(curve: bytes, rate: float) -> bytes:
    return range_test_png(pd.read_csv(io.BytesIO(curve)), rate)


@functools.lru_cache(maxsize=4)
def _schedule(steps: bytes) -> bytes:
    return schedule_png(pd.read_csv(io.BytesIO(steps)))


def _head_rate(paths: Mapping[str, Path]) -> str:
    found = read_json(paths["lr"])
    return f"{found['rate']:.3g} ({_source(found['refusal'], paths['lr_curve'])})"


def _rates_by_depth(paths: Mapping[str, Path]) -> str:
    found = read_json(paths["body_lr"])
    rates = ", ".join(f"{depth} {rate:.2g}" for depth, rate in found["rates"].items())
    return f"{rates} ({_source(found['refusal'], paths['body_lr_curve'])})"


def _source(refusal: str, curve: Path) -> str:
    if refusal:
        return f"given, since the range test was refused: {refusal}"
    return "found by range test" if len(pd.read_csv(curve)) else "given"


def _origin(backbone: Mapping[str, Any]) -> str:
    if backbone["source"] == "none":
        return "RANDOM WEIGHTS (lradapt import weights imagenet)"
    return str(backbone["source"] if backbone["source"] == "imagenet" else backbone["detail"])


def _override(outcome: Outcome) -> str:
    if outcome.move is None or outcome.verdict.decision == "promote":
        return ""
    return f"promoted all the same; the log says {outcome.move.why}"


def _live_check(outcome: Outcome) -> str:
    if not outcome.fault:
        return ""
    back = outcome.restored
    then = f"{back.version} is in production again" if back else "nothing was put back"
    return f"FAILED, {then}: {outcome.fault}"


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} x {reason}" for reason, count in reasons.items())


def _seconds(timings: Path) -> str:
    seconds = {stage: times["seconds"] for stage, times in read_timings(timings).items()}
    if not seconds:
        return ""
    total = timedelta(seconds=round(sum(seconds.values())))
    parts = " · ".join(f"{stage} {value:.1f}" for stage, value in seconds.items())
    return f"{parts} (together {total})"
