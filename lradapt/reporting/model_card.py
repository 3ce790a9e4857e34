"""The model card of a version: intended use, data, metrics and limits.

People state intended use, licence and contact (`card` in params.yaml); everything else is read from
the outputs of stages. It contains no time, and does not affect the name of a version.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lradapt.config.paths import Paths
from lradapt.data.images.image_table import depth_range_of, read_table
from lradapt.data.split_table import read_split
from lradapt.evaluation.slice_results import SliceResult, worst_slice
from lradapt.evaluation.slice_table import read_slice_results
from lradapt.production.lineage import lineage, lineage_rows
from lradapt.reporting.class_figures import ClassFigures, class_figures, read_confusion
from lradapt.reporting.doubtful_answers import doubt_limits
from lradapt.reporting.pages import render_text
from lradapt.reporting.run_summary import trained
from lradapt.runtime.files import read_json

_FIT_IN_WORDS = {
    "crop": "the centre square of the image",
    "pad": "the whole image, with black on both sides",
    "squash": "the whole image, stretched to a square",
}
_WIDE = 0.2  # a recall with an interval of at least this width is listed as a limit


def render(paths: Paths, name: str, stated: Mapping[str, str]) -> str:
    """Return the card in Markdown."""
    metrics, split, known = read_json(paths.metrics), read_json(paths.split_summary), lineage(paths)
    recalls = metrics["intervals_95"]["recall"]
    data = known["params"]["data"]
    classes = class_figures(read_confusion(paths.confusion), recalls)
    slices = read_slice_results(paths.slices)
    return render_text(
        "model_card.md.jinja",
        name=name,
        stated=stated,
        split=split,
        metrics=metrics,
        classes=classes,
        groups=_groups(paths.split),
        slices=slices,
        limits=[
            *_uncertain(classes),
            *_weak(slices),
            *doubt_limits(metrics),
            *_set_aside(split),
            *split["warnings"],
        ],
        trained=trained(paths),
        lineage=lineage_rows(known, metrics),
        input_size=data["input_size"],
        data=data,
        fit=_FIT_IN_WORDS[data["fit"]],
        depth_range=depth_range_of(read_table(paths.table)),
    )


def _groups(split: Path) -> str:
    groups = {row.group for row in read_split(split)} - {""}
    if not groups:
        return "no groups are given, so images of one subject may be in two splits"
    return f"groups: {len(groups):,}, each in one split"


def _uncertain(classes: Sequence[ClassFigures]) -> list[str]:
    """Return the classes for which the test set is too small, or has no image."""
    unseen = [f"{each.name}: no image in the test set" for each in classes if not each.images]
    wide = [
        f"{each.name}: only {each.images:,} images in the test set, so its recall may be anything "
        f"from {low:.0%} to {high:.0%}"
        for each in classes
        if each.interval
        for low, high in [each.interval]
        if high - low >= _WIDE
    ]
    return unseen + wide


def _weak(slices: Sequence[SliceResult]) -> list[str]:
    worst = worst_slice(slices)
    return [f"the worst slice is {worst.describe()}"] if worst else []


def _set_aside(split: Mapping[str, Any]) -> list[str]:
    return [f"{count:,} x {reason}: set aside" for reason, count in split["set_aside"].items()]
