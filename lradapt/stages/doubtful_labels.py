"""Stage `doubtful_labels`: the labels that are probably wrong, for a person to decide on.

The stages of the training read the split that it writes: that of stage `split`, by default.
"""

import logging
from collections import Counter

import numpy as np

from lradapt.compute.engine import one_thread
from lradapt.config.params import load_params
from lradapt.data.doubtful_table import write_doubtful
from lradapt.data.labelled_image import SPLITS
from lradapt.data.split_table import read_split, write_split
from lradapt.doubtful.exclusion import choose_excluded, without
from lradapt.doubtful.list_labels import list_doubtful_labels
from lradapt.runtime.files import read_json, write_json
from lradapt.stages import Dep, Out

log = logging.getLogger(__name__)


def main(
    *,
    activations: Dep,
    split: Dep,
    confirmed: Dep,
    doubtful: Out,
    summary: Out,
    training_split: Out,
) -> None:
    """List the labels that are probably wrong, the most doubtful first."""
    policy, rows = load_params().doubtful_labels, read_split(split)
    with one_thread():
        found = list_doubtful_labels(np.load(activations, mmap_mode="r"), rows)
    excluded = frozenset[str]()
    if policy == "exclude":
        excluded = choose_excluded(found, rows, read_json(confirmed)["labels"])
        log.warning("%d images are not trained on, since their labels are doubtful", len(excluded))
    write_doubtful(doubtful, found.labels)
    write_split(training_split, without(rows, excluded))
    counts = Counter(label.split for label in found.labels)
    write_json(
        summary,
        {
            "judged": found.judged,
            "doubtful": {name: counts[name] for name in SPLITS},
            "confident": len(found.confident),
            "policy": policy,
            "excluded": len(excluded),
            "skipped_classes": found.skipped,
            "note": found.note,
        },
    )
    if found.note:
        log.warning("no label was judged: %s", found.note)
    elif found.skipped:
        log.warning("classes of too few groups, not judged: %s", ", ".join(found.skipped))
    log.info(
        "%d of %d labels outside the test split are doubtful, %d of them confidently",
        counts["train"] + counts["validation"],
        found.judged["train"] + found.judged["validation"],
        len(found.confident),
    )
