"""Stage `doubtful_labels`: the labels that are probably wrong, for a person to decide on."""

import logging
from collections import Counter

import numpy as np

from lradapt.compute.engine import one_thread
from lradapt.data.doubtful_table import write_doubtful
from lradapt.data.labelled_image import SPLITS
from lradapt.data.split_table import read_split
from lradapt.doubtful.list_labels import list_doubtful_labels
from lradapt.runtime.files import write_json
from lradapt.stages import Dep, Out

log = logging.getLogger(__name__)


def main(*, activations: Dep, split: Dep, doubtful: Out, summary: Out) -> None:
    """List the labels that are probably wrong, the most doubtful first."""
    with one_thread():
        found = list_doubtful_labels(np.load(activations, mmap_mode="r"), read_split(split))
    write_doubtful(doubtful, found.labels)
    counts = Counter(label.split for label in found.labels)
    write_json(
        summary,
        {
            "judged": found.judged,
            "doubtful": {name: counts[name] for name in SPLITS},
            "confident": found.num_confident,
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
        found.num_confident,
    )
