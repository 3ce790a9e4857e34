"""Stage `split`: who learns, who tunes, who is examined, and who is set aside."""

import logging
from collections import Counter

import pandas as pd

from lradapt.data.admit import Admission, admit
from lradapt.data.ingest import read_table
from lradapt.data.labels import SIDES, read_labels
from lradapt.data.split_table import class_names, write_split
from lradapt.files import whole_file, write_json
from lradapt.params import load_params
from lradapt.stages import Dep, Out

log = logging.getLogger(__name__)


def main(*, table: Dep, labels: Dep, split: Out, set_aside: Out, summary: Out) -> None:
    """Assign the sides, and set aside what must not take part."""
    params = load_params()
    admission = admit(
        read_table(table),
        read_labels(labels),
        train_per_validation=params.split.train_per_validation,
        tune_share=params.split.tune_share,
    )
    write_split(split, admission.rows)
    with whole_file(set_aside) as partial:
        lines = pd.DataFrame(admission.set_aside.items(), columns=["image", "reason"])
        lines.to_csv(partial, index=False, lineterminator="\n")
    write_json(summary, _summary(admission))
    for warning in admission.warnings:
        log.warning("%s", warning)
    for reason, count in Counter(admission.set_aside.values()).most_common(20):
        log.warning("set aside: %d x %s", count, reason)


def _summary(admission: Admission) -> dict[str, object]:
    counts = Counter((row.label, row.side) for row in admission.rows)
    sides = Counter(row.side for row in admission.rows)
    return {
        "images": {side: sides[side] for side in SIDES},
        "classes": {
            name: {side: counts[name, side] for side in SIDES}
            for name in class_names(admission.rows)
        },
        "set_aside": dict(Counter(admission.set_aside.values()).most_common(20)),
        "warnings": admission.warnings,
    }
