"""The model card of a version: what it is for, what it was made of, how good it is, its limits.

What only people can know is theirs to say (`card` in params.yaml); all else is read from the
stages' own files. It has no clock in it, and is no part of a version's name.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lradapt.config.paths import Paths
from lradapt.data.split_table import read_split
from lradapt.production.lineage import lineage, lineage_rows
from lradapt.reporting.class_figures import ClassFigures, class_figures, read_confusion
from lradapt.reporting.pages import render_text
from lradapt.reporting.report import trained
from lradapt.runtime.files import read_json

_WIDE = 0.2  # an interval from here on says little of a class


def render(paths: Paths, name: str, stated: Mapping[str, str]) -> str:
    """The card, Markdown.

    Args:
        paths: of `dvc.yaml`.
        name: of the model in the registry.
        stated: what people say of it, by the keys of `card` in params.yaml; may be empty texts.
    """
    metrics, split, known = (
        read_json(paths.metrics),
        read_json(paths.split_summary),
        lineage(paths),
    )
    recalls = metrics["intervals_95"]["recall"]
    classes = class_figures(read_confusion(paths.confusion), recalls)
    return render_text(
        "model_card.md.jinja",
        name=name,
        stated=stated,
        split=split,
        metrics=metrics,
        classes=classes,
        groups=_groups(paths.split),
        limits=[*_little_known(classes), *_set_aside(split), *split["warnings"]],
        trained=trained(paths),
        lineage=lineage_rows(known, metrics),
        input_size=known["params"]["data"]["input_size"],
    )


def _groups(split: Path) -> str:
    groups = {row.group for row in read_split(split)} - {""}
    if not groups:
        return "no groups are given, so pictures of one subject may stand on two splits"
    return f"groups: {len(groups):,}, each on one split"


def _little_known(classes: Sequence[ClassFigures]) -> list[str]:
    """The classes of which the exam says little or nothing."""
    unseen = [f"{each.name}: no image in the exam" for each in classes if not each.images]
    wide = [
        f"{each.name}: the exam has {each.images:,} images of it, so that its recall may be "
        f"anything from {low:.0%} to {high:.0%}"
        for each in classes
        if each.interval
        for low, high in [each.interval]
        if high - low >= _WIDE
    ]
    return unseen + wide


def _set_aside(split: Mapping[str, Any]) -> list[str]:
    return [f"{count:,} x {why}: set aside" for why, count in split["set_aside"].items()]
