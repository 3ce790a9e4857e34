"""Stage `split`: check the data, set images aside, and assign the others to the splits."""

import logging
from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from lradapt.config.params import load_params
from lradapt.data.admission import Admission, consider, require_training
from lradapt.data.agreement import Agreement, measure_agreement
from lradapt.data.checks.findings import Rules, summarise
from lradapt.data.checks.problem_kinds import MEANINGS
from lradapt.data.images.image_table import read_table
from lradapt.data.images.looks import measure_looks
from lradapt.data.images.near_duplicates import near_pairs
from lradapt.data.labelled_image import SPLITS, class_names
from lradapt.data.labels import read_labels
from lradapt.data.split_table import write_split
from lradapt.runtime.files import whole_file, write_json
from lradapt.stages import Dep, Out
from lradapt.text import table_cell

log = logging.getLogger(__name__)


def main(*, table: Dep, pixels: Dep, labels: Dep, split: Out, set_aside: Out, summary: Out) -> None:
    """Check the data, set aside what must not take part, and assign the splits."""
    params = load_params()
    rules = params.check.rules
    given, squares = read_labels(labels), np.load(pixels, mmap_mode="r")
    admission = consider(
        read_table(table),
        given,
        near_pairs(squares, min_correlation=rules.near_correlation),
        rules,
        train_per_test=params.split.train_per_test,
        validation_share=params.split.validation_share,
        looks=measure_looks(squares),
    )
    require_training(admission)
    write_split(split, admission.images)
    with whole_file(set_aside) as partial:
        lines = [
            (table_cell(image), reason.kind, table_cell(reason.detail))
            for image, reason in admission.set_aside.items()
        ]
        table_aside = pd.DataFrame(lines, columns=["image", "kind", "reason"])
        table_aside.to_csv(partial, index=False, lineterminator="\n")
    counts = _summary(admission, rules, measure_agreement(given))
    write_json(summary, counts)
    for warning in admission.warnings:
        log.warning("%s", warning)
    for title, count in counts["set_aside"].items():
        log.warning("set aside: %d x %s", count, title)


def _summary(admission: Admission, rules: Rules, agreement: Agreement | None) -> dict[str, Any]:
    images = admission.images
    by_split = Counter(image.split for image in images)
    by_class = Counter((image.label, image.split) for image in images)
    aside = Counter(reason.kind for reason in admission.set_aside.values())
    return {
        "images": {split: by_split[split] for split in SPLITS},
        "classes": {
            name: {split: by_class[name, split] for split in SPLITS} for name in class_names(images)
        },
        "set_aside": {MEANINGS[kind].title: count for kind, count in aside.most_common()},
        "findings": summarise(admission.findings, rules.policies, num_examples=5),
        "warnings": admission.warnings,
        "annotators": asdict(agreement) if agreement else None,
    }
