"""The doubtful labels of a data set, from its activations and its splits.

Letters: N images, V views of each, D features, K classes.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from lradapt.data.doubtful_table import DoubtfulLabel
from lradapt.data.groups import group_numbers
from lradapt.data.labelled_image import SPLITS, TEST, LabelledImage, class_names, pixel_rows
from lradapt.doubtful.confident_learning import Floats, class_thresholds, find_doubts
from lradapt.doubtful.held_out import NUM_FOLDS, clean_features, judge
from lradapt.training.inputs.examples import label_numbers


@dataclass(frozen=True, slots=True)
class DoubtfulLabels:
    """What was found.

    Attributes:
        labels: the most doubtful first; those of test images after all others.
        confident: of those outside the test split, the images that reach the threshold of the
            proposed class.
        judged: number of images in each split whose label was judged.
        skipped: classes of too few groups, with the number of groups; their labels are neither
            doubted nor proposed.
        note: why no label was judged; empty where some were.
    """

    labels: tuple[DoubtfulLabel, ...]
    confident: frozenset[str]
    judged: dict[str, int]
    skipped: dict[str, int]
    note: str = ""


def list_doubtful_labels(
    activations: npt.NDArray[np.float32], rows: Sequence[LabelledImage]
) -> DoubtfulLabels:
    """Return the labels that are probably wrong.

    Training and validation images are judged by heads of other images; test images by one head of
    all training and validation images.

    Args:
        activations: `[*, V, D]`, the clean view first.
        rows: the images of all splits.

    Raises:
        TrainingError: an activation is not finite.
    """
    skipped = _small_classes(rows)
    judged = [row for row in rows if row.label not in skipped]
    names = class_names(judged)
    if len(names) < 2:
        note = f"fewer than two classes have {NUM_FOLDS} groups or more outside the test split"
        return DoubtfulLabels((), frozenset(), dict.fromkeys(SPLITS, 0), skipped, note)
    known = [row for row in judged if row.split != TEST]
    tested = [row for row in judged if row.split == TEST]
    labels_N = label_numbers(known, names)
    found = judge(
        activations, pixel_rows(known), labels_N, group_numbers(known), num_classes=len(names)
    )
    thresholds_K = class_thresholds(found.probabilities.numpy(), labels_N.numpy())
    labels, confident = _doubtful(known, names, found.probabilities, thresholds_K)
    of_tested_MK = found.of_others(clean_features(activations, pixel_rows(tested)))
    test_labels, _ = _doubtful(tested, names, of_tested_MK, thresholds_K)
    counts = Counter(row.split for row in judged)
    by_split = {split: counts[split] for split in SPLITS}
    return DoubtfulLabels((*labels, *test_labels), frozenset(confident), by_split, skipped)


def _small_classes(rows: Sequence[LabelledImage]) -> dict[str, int]:
    """Return the classes with fewer groups outside the test split than there are folds."""
    known = [row for row in rows if row.split != TEST]
    groups = defaultdict[str, set[int]](set)
    for row, group in zip(known, group_numbers(known), strict=True):
        groups[row.label].add(group)
    counts = {name: len(groups[name]) for name in class_names(rows)}
    return {name: count for name, count in counts.items() if count < NUM_FOLDS}


def _doubtful(
    rows: Sequence[LabelledImage],
    names: Sequence[str],
    probabilities_NK: Tensor,
    thresholds_K: Floats,
) -> tuple[list[DoubtfulLabel], list[str]]:
    """Return the doubtful labels of some images, and the images of the confident ones."""
    labels_N, found_NK = label_numbers(rows, names).numpy(), probabilities_NK.numpy()
    doubts = find_doubts(found_NK, labels_N, thresholds_K)
    found = [
        DoubtfulLabel(
            rows[row].image,
            rows[row].label,
            names[proposed],
            rows[row].split,
            _rounded(found_NK[row, labels_N[row]]),
            _rounded(found_NK[row, proposed]),
            rows[row].group,
        )
        for row, proposed in zip(doubts.rows, doubts.proposed, strict=True)
    ]
    confident = [one.image for one, sure in zip(found, doubts.confident, strict=True) if sure]
    return found, confident


def _rounded(probability: np.float32) -> float:
    return round(float(probability), 4)  # differences between machines are below that
