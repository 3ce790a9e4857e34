"""The report of a run: rows for the terminal, and an HTML page."""

import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from lradapt.config.paths import Paths
from lradapt.data.images.image_table import read_table
from lradapt.evaluation.slice_results import worst_slice
from lradapt.evaluation.slice_table import read_slice_results
from lradapt.production.lineage import lineage, lineage_rows
from lradapt.production.release import Outcome
from lradapt.reporting.annotators import annotators_sentence
from lradapt.reporting.changes_report import ChangesSummary
from lradapt.reporting.class_figures import class_figures, confusion_rows, read_confusion
from lradapt.reporting.doubtful_answers import sets_in_report
from lradapt.reporting.doubtful_labels import doubtful_section
from lradapt.reporting.ending import describe_ending, override_sentence, smoke_test_sentence
from lradapt.reporting.mistakes import most_confident_mistakes
from lradapt.reporting.pages import render_page
from lradapt.reporting.pictured_images import PicturedImages
from lradapt.reporting.pictures import (
    range_test_pictures,
    reliability_picture,
    schedule_pictures,
    training_pictures,
)
from lradapt.runtime.costs import Price, phases, total_seconds
from lradapt.runtime.files import read_json
from lradapt.runtime.timings import Timings, read_timings

Row = tuple[str, str]

_MOST_CLASSES = 60  # with more, the page refers to the file of the confusion matrix
_MOST_SET_ASIDE = 200  # rows
_NUM_NEIGHBOURS = 3  # of a mistake


def summary(paths: Paths, outcome: Outcome | None) -> list[Row]:
    """Return what was trained, its metrics, and the decision of the gate.

    `outcome` is None before the gate, or if nothing was published.
    """
    metrics = read_json(paths.metrics)
    rows = [
        *trained(paths),
        ("seconds", _seconds(paths.timings)),
        ("accuracy", f"{metrics['accuracy']:.2%}"),
        ("balanced accuracy", f"{metrics['balanced_accuracy']:.2%}"),
        ("worst slice", _worst(paths)),
    ]
    if outcome:
        rows += [
            ("verdict", f"{outcome.verdict.decision}: {outcome.verdict.reason}"),
            ("override", override_sentence(outcome)),
            ("version", f"{outcome.version}{'' if outcome.promotion else ' (not promoted)'}"),
            ("smoke test", smoke_test_sentence(outcome)),
        ]
    return [row for row in rows if row[1]]


def trained(paths: Paths) -> list[Row]:
    """Return the data, the network and the learning rates of the training."""
    split, metrics = read_json(paths.split_summary), read_json(paths.metrics)
    images, backbone = split["images"], metrics["backbone"]
    rows = [
        ("data", f"{sum(images.values()):,} images, {len(split['classes'])} classes"),
        ("set aside", _counted(split["set_aside"])),
        ("annotators", annotators_sentence(split["annotators"])),
        ("split", ", ".join(f"{name} {count:,}" for name, count in images.items())),
        ("model", f"{backbone['architecture']}, body: {_origin(backbone)}"),
        ("warm start", f"from version {metrics['ancestor']}" if metrics["ancestor"] else ""),
        ("head", _solved_head(read_json(paths.head_solution))),
        ("rate of the head", _head_rate(paths)),
        ("rates by depth", _rates_by_depth(paths)),
        ("all layers", _length(read_json(paths.model_choice))),
        ("doubtful labels", _doubtful(read_json(paths.doubtful_summary))),
    ]
    return [row for row in rows if row[1]]


def next_commands(paths: Paths, outcome: Outcome | None) -> list[str]:
    """Return commands to try next; after a rejected model, those that can change that."""
    if outcome and _is_kept_out(outcome):
        return [
            "lradapt review   # correct labels that are probably wrong, then: make retrain",
            "lradapt retrain --override REASON   # promote it against the gate; logged",
        ]
    first = next(row.image for row in read_table(paths.table) if row.verdict == "ok")
    return [
        f"lradapt predict {shlex.quote(str(paths.images / first))}",
        "lradapt history",
        "lradapt import folder PATH --replace   # your own images, then: make retrain",
    ]


Pictures = dict[str, Any]
"""Part of the page -> its pictures, as SVG with titles."""


def _is_kept_out(outcome: Outcome) -> bool:
    """Return whether the gate has kept a new model out of production."""
    is_new = outcome.version != outcome.previous
    return is_new and not outcome.promotion and outcome.verdict.decision == "keep"


def render(
    paths: Paths,
    outcome: Outcome | None,
    *,
    pictures: Pictures | None = None,
    previous: Timings | None = None,
    price: Price | None = None,
    num_mistakes: int = 0,
    changes: ChangesSummary | None = None,
) -> str:
    """Return the report: one self-contained HTML page that needs no network.

    Args:
        paths: of the project.
        outcome: of the gate; None before it, or if nothing was published.
        pictures: of this training; drawn if not given.
        previous: the timings before this run; None if there were none.
        price: of the machine; None: no costs.
        num_mistakes: number of mistakes shown as pictures, and of doubtful labels.
        changes: of the data since the version last trained on; None: not compared.
    """
    done = phases(read_timings(paths.timings), previous or {})
    return render_page(
        "report.html.jinja",
        ending=describe_ending(outcome),
        verdict=outcome.verdict if outcome else None,
        trained=trained(paths),
        lineage=_lineage(paths, outcome),
        changes=changes,
        phases=done,
        seconds=total_seconds(done),
        price=price,
        **_evaluation(paths),
        **_images(paths, num_mistakes),
        **(pictures or draw(paths)),
    )


def _evaluation(paths: Paths) -> dict[str, Any]:
    metrics, counts = read_json(paths.metrics), read_confusion(paths.confusion)
    set_aside = pd.read_csv(paths.set_aside, dtype=str, keep_default_na=False)
    return {
        "split": read_json(paths.split_summary),
        "metrics": metrics,
        **sets_in_report(metrics),
        "choice": read_json(paths.model_choice),
        "solution": read_json(paths.head_solution),
        "classes": class_figures(counts, metrics["intervals_95"]["recall"]),
        "confusion": confusion_rows(counts) if len(counts) <= _MOST_CLASSES else None,
        "confusion_table": paths.confusion,
        "slices": read_slice_results(paths.slices),
        "worst_slice": _worst(paths),
        "slice_table": paths.slices,
        "set_aside": set_aside.head(_MOST_SET_ASIDE).to_dict("records"),
    }


def _images(paths: Paths, most: int) -> dict[str, Any]:
    """Return what the page shows of single images: mistakes and doubtful labels, `most` of each."""
    images = PicturedImages(paths)
    mistakes = most_confident_mistakes(paths.predictions, images, most=most)
    return {
        "mistakes": mistakes,
        "nearest": {each.image: images.nearest(each.image, _NUM_NEIGHBOURS) for each in mistakes},
        "doubtful": doubtful_section(paths, images, most=most),
        "doubtful_table": paths.doubtful_labels,
    }


def _worst(paths: Paths) -> str:
    worst = worst_slice(read_slice_results(paths.slices))
    return worst.describe() if worst else ""


def draw(paths: Paths) -> Pictures:
    """Draw the curves of a training, which the reports before and after the gate both show."""
    return {
        "range_tests": range_test_pictures(paths),
        "schedules": schedule_pictures(paths),
        "trainings": training_pictures(paths),
        "reliability": reliability_picture(paths),
    }


def _lineage(paths: Paths, outcome: Outcome | None) -> list[Row]:
    """Return the origins of the model, and the version in production at the gate's decision."""
    rows = lineage_rows(lineage(paths), read_json(paths.metrics))
    if outcome and outcome.previous:
        rows.insert(0, ("in production at the decision of the gate", outcome.previous))
    return [("version", outcome.version), *rows] if outcome else rows


def _doubtful(found: Mapping[str, Any]) -> str:
    """Return how many labels are confidently doubted and excluded, and what to do; "" for none."""
    count, judged = found["confident"], sum(found["judged"].values()) - found["judged"]["test"]
    out = f"; not trained on {found['excluded']:,} of them" if found["policy"] == "exclude" else ""
    return f"{count:,} of {judged:,} are probably wrong{out}: lradapt review" if count else ""


def _solved_head(solution: Mapping[str, Any]) -> str:
    if solution["method"] != "exact":
        return ""
    penalty = f"solved exactly, with penalty {solution['penalty']:.3g}"
    if solution["note"]:
        return f"{penalty} ({solution['note']})"
    lowest = min(one["loss"] for one in solution["tried"])
    return (
        f"{penalty}: the lowest loss on held-out training images, {lowest:.4f}, of "
        f"{len(solution['tried'])} penalties in {solution['num_folds']} folds"
    )


def _head_rate(paths: Paths) -> str:
    found = read_json(paths.lr)
    if found["rate"] is None:
        return str(found["refusal"])
    return f"{found['rate']:.3g} ({_source(found['refusal'], paths.lr_curve)})"


def _rates_by_depth(paths: Paths) -> str:
    found, used = read_json(paths.body_lr), read_json(paths.model_choice)["rates"]
    rates = ", ".join(f"{depth} {rate:.2g}" for depth, rate in used.items())
    lowered = (
        "" if used == found["rates"] else ", then lowered: the first cycle lost more than a tenth"
    )
    return f"{rates} ({_source(found['refusal'], paths.body_lr_curve)}{lowered})"


def _length(choice: Mapping[str, Any]) -> str:
    """Return how long all layers were trained, and what the stopping rule saved."""
    epochs, cycles = choice["epochs"], choice["num_cycles"]
    trained = f"{_number(epochs['trained'], 'epoch')} in {_number(cycles, 'cycle')}"
    if epochs["given_up"]:
        trained += f", after {_number(epochs['given_up'], 'epoch')} at rates that were too high"
    if not (saved := epochs["planned"] - epochs["trained"]):
        return trained
    return f"{trained}; {saved} of {epochs['planned']} planned epochs were saved"


def _number(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _source(refusal: str, curve: Path) -> str:
    if refusal:
        return f"given, because the range test was rejected: {refusal}"
    return "found by range test" if len(pd.read_csv(curve)) else "given"


def _origin(backbone: Mapping[str, Any]) -> str:
    if backbone["source"] == "none":
        return "RANDOM WEIGHTS (lradapt import weights imagenet)"
    licence = f", licence {backbone['licence']}" if backbone["licence"] else ""
    if backbone["source"] == "imagenet":
        return f"imagenet ({backbone['detail']}{licence})"
    return f"{backbone['detail']}{licence}"


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} x {reason}" for reason, count in reasons.items())


def _seconds(timings: Path) -> str:
    seconds = {stage: times["seconds"] for stage, times in read_timings(timings).items()}
    if not seconds:
        return ""
    total = timedelta(seconds=round(sum(seconds.values())))
    parts = " · ".join(f"{stage} {value:.1f}" for stage, value in seconds.items())
    return f"{parts} (total {total})"
