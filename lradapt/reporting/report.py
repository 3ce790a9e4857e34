"""The report of a run, an HTML page."""

from typing import Any

import pandas as pd

from lradapt.config.paths import Paths
from lradapt.evaluation.slice_table import read_slice_results
from lradapt.production.lineage import lineage, lineage_rows
from lradapt.production.release import Outcome
from lradapt.reporting.changes_report import ChangesSummary
from lradapt.reporting.class_figures import class_figures, confusion_rows, read_confusion
from lradapt.reporting.doubtful_answers import sets_in_report
from lradapt.reporting.doubtful_labels import doubtful_section
from lradapt.reporting.ending import describe_ending
from lradapt.reporting.mistakes import most_confident_mistakes
from lradapt.reporting.pages import render_page
from lradapt.reporting.pictured_images import PicturedImages
from lradapt.reporting.pictures import (
    range_test_pictures,
    reliability_picture,
    schedule_pictures,
    training_pictures,
)
from lradapt.reporting.run_summary import Row, trained, worst_slice_in_words
from lradapt.runtime.costs import Price, phases, total_seconds
from lradapt.runtime.files import read_json
from lradapt.runtime.timings import Timings, read_timings

_MOST_CLASSES = 60  # with more, the page refers to the file of the confusion matrix
_MOST_SET_ASIDE = 200  # rows
_NUM_NEIGHBOURS = 3  # of a mistake


Pictures = dict[str, Any]
"""Part of the page -> its pictures, as SVG with titles."""


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
        "worst_slice": worst_slice_in_words(paths),
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


def draw(paths: Paths) -> Pictures:
    """Draw the curves of a training, which the reports before and after the gate both show."""
    return {**draw_curves(paths), "reliability": reliability_picture(paths)}


def draw_curves(paths: Paths) -> Pictures:
    """Draw those that are there before the model is evaluated."""
    return {
        "range_tests": range_test_pictures(paths),
        "schedules": schedule_pictures(paths),
        "trainings": training_pictures(paths),
    }


def _lineage(paths: Paths, outcome: Outcome | None) -> list[Row]:
    """Return the origins of the model, and the version in production at the gate's decision."""
    rows = lineage_rows(lineage(paths), read_json(paths.metrics))
    if outcome and outcome.previous:
        rows.insert(0, ("in production at the decision of the gate", outcome.previous))
    return [("version", outcome.version), *rows] if outcome else rows
