"""The training images that are left out because their labels are probably wrong.

Validation images stay: what is chosen on images that a model agrees with looks better than it is.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from lradapt.data.labelled_image import TRAIN, LabelledImage
from lradapt.data.labels import as_read
from lradapt.doubtful.list_labels import DoubtfulLabels

EXCLUDED = "excluded"
"""The split of an image that no stage of the training reads; its class stays a class."""


def choose_excluded(
    found: DoubtfulLabels, rows: Iterable[LabelledImage], confirmed: Mapping[str, str]
) -> frozenset[str]:
    """Return the training images whose labels are confidently doubtful and not confirmed.

    A class that would have no training image left keeps all of them.

    Args:
        found: the doubtful labels.
        rows: the images of all splits.
        confirmed: image -> label that a person has confirmed, both as in `labels.csv`.
    """
    doubted = [
        one
        for one in found.labels
        if one.split == TRAIN
        and one.image in found.confident
        and confirmed.get(as_read(one.image)) != as_read(one.label)
    ]
    sizes = Counter(row.label for row in rows if row.split == TRAIN)
    counts = Counter(one.label for one in doubted)
    return frozenset(one.image for one in doubted if counts[one.label] < sizes[one.label])


def without(rows: Iterable[LabelledImage], excluded: frozenset[str]) -> Sequence[LabelledImage]:
    """Return the rows, some of them in no split of the training."""
    return [replace(row, split=EXCLUDED) if row.image in excluded else row for row in rows]
