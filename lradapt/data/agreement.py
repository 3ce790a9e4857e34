"""How far annotators agree: in percent, as Cohen's or Fleiss' kappa, and each with the majority.

Cohen, A coefficient of agreement for nominal scales, 1960, for two annotators. Fleiss, Measuring
nominal scale agreement among many raters, 1971, for more; images may have different numbers of
annotators, whose pairs count equally within an image.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lradapt.data.labelled_image import LabelledImage

Counts = npt.NDArray[np.int64]
# letters of shapes: N images, K classes


@dataclass(frozen=True, slots=True)
class AnnotatorFigures:
    """One annotator beside the others.

    Attributes:
        annotator: the name in `labels.csv`.
        images: that others have labelled too, and that have a majority.
        against_majority: of these, the images to which most annotators give another label.
    """

    annotator: str
    images: int
    against_majority: int


@dataclass(frozen=True, slots=True)
class Agreement:
    """The agreement of all annotators.

    Attributes:
        annotators: their number.
        images: that several have labelled; the other values are of these.
        ties: images without a majority.
        agreement: share of the pairs of annotators of an image that give one label, mean over the
            images, in [0, 1]; None without such images.
        kappa: agreement beyond chance, 1 at most; None without such images, or if all have one
            class.
        kappa_of: whose kappa it is.
        each: all annotators, those most often against the majority first.
    """

    annotators: int
    images: int
    ties: int
    agreement: float | None
    kappa: float | None
    kappa_of: Literal["Cohen's", "Fleiss'"]
    each: tuple[AnnotatorFigures, ...]


def measure_agreement(images: Sequence[LabelledImage]) -> Agreement | None:
    """Return the agreement on labelled images; None where no annotator is known."""
    names = sorted({each.annotator for image in images for each in image.annotations})
    if not names:
        return None
    several = [image for image in images if len(image.annotations) > 1]
    counts_NK = _count(several)
    return Agreement(
        annotators=len(names),
        images=len(several),
        ties=sum(not image.label for image in several),
        agreement=float(observed_agreement(counts_NK).mean()) if several else None,
        kappa=_kappa(several, counts_NK, names),
        kappa_of="Cohen's" if len(names) == 2 else "Fleiss'",
        each=tuple(_figures(names, several)),
    )


def observed_agreement(counts_NK: Counts) -> npt.NDArray[np.float64]:
    """Return for each image the share of its pairs of annotators that give one label.

    Args:
        counts_NK: how many annotators give each class; at least two for an image.
    """
    num_N = counts_NK.sum(axis=1)
    pairs = (counts_NK * (counts_NK - 1)).sum(axis=1)
    return np.asarray(pairs / (num_N * (num_N - 1)))


def fleiss_kappa(counts_NK: Counts) -> float | None:
    """Return Fleiss' kappa, equations 1 to 7 of the paper; None where all labels are one class.

    Args:
        counts_NK: see `observed_agreement`.
    """
    shares_K = counts_NK.sum(axis=0) / counts_NK.sum()
    by_chance = float((shares_K**2).sum())
    if by_chance == 1:
        return None
    return float((observed_agreement(counts_NK).mean() - by_chance) / (1 - by_chance))


def _kappa(
    several: Sequence[LabelledImage], counts_NK: Counts, names: Sequence[str]
) -> float | None:
    if not several or np.count_nonzero(counts_NK.sum(axis=0)) < 2:
        return None
    if len(names) > 2:
        return fleiss_kappa(counts_NK)
    from sklearn.metrics import cohen_kappa_score  # a second, only where it is needed

    # the annotations of an image are sorted by annotator
    pairs = [[each.label for each in image.annotations] for image in several]
    return float(cohen_kappa_score(*zip(*pairs, strict=True)))


def _count(images: Sequence[LabelledImage]) -> Counts:
    """Return how many annotators give each class, [N, K]."""
    classes = sorted({each.label for image in images for each in image.annotations})
    column = {name: number for number, name in enumerate(classes)}
    counts_NK = np.zeros((len(images), len(classes)), np.int64)
    for row, image in enumerate(images):
        for each in image.annotations:
            counts_NK[row, column[each.label]] += 1
    return counts_NK


def _figures(names: Sequence[str], several: Sequence[LabelledImage]) -> list[AnnotatorFigures]:
    judged, against = Counter[str](), Counter[str]()
    for image in several:
        for each in image.annotations if image.label else ():
            judged[each.annotator] += 1
            against[each.annotator] += each.label != image.label
    found = [AnnotatorFigures(name, judged[name], against[name]) for name in names]
    return sorted(found, key=lambda f: (-f.against_majority / max(f.images, 1), f.annotator))
