"""Compare two models on the same images: the deciding interval, each class, McNemar's test."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from lradapt.evaluation.paired_bootstrap import Integers, bounds, resampled_differences

Hits = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassResult:
    """One class; recalls in [0, 1].

    Attributes:
        name: of the class.
        images, groups: the number on which both were compared.
        champion, challenger: their recalls.
        lower, upper: one-sided bounds of the challenger's recall minus the champion's.
    """

    name: str
    images: int
    groups: int
    champion: float
    challenger: float
    lower: float
    upper: float

    @property
    def drop(self) -> float:
        """How much lower the challenger's recall is; negative where it is higher."""
        return round(self.champion - self.challenger, 12)


@dataclass(frozen=True, slots=True)
class McNemar:
    """The exact test of plain accuracy (McNemar 1947), which is only reported.

    Attributes:
        only_champion, only_challenger: images that only one of them predicts correctly.
        p: two-sided, under the binomial distribution.
    """

    only_champion: int
    only_challenger: int
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The comparison of both models.

    Attributes:
        images: the number of images.
        champion, challenger: balanced accuracies in [0, 1].
        difference: the challenger's minus the champion's; exactly 0 for a tie.
        lower, upper: one-sided bounds of it, each with `confidence`.
        confidence: in (0, 1).
        classes: in the order given.
        mcnemar: the test of plain accuracy.
    """

    images: int
    champion: float
    challenger: float
    difference: float
    lower: float
    upper: float
    confidence: float
    classes: tuple[ClassResult, ...]
    mcnemar: McNemar


def compare(
    labels_N: Integers,
    groups_N: Integers,
    champion_N: Hits,
    challenger_N: Hits,
    class_names: Sequence[str],
    *,
    confidence: float,
    num_resamples: int,
    seed: int,
) -> Comparison:
    """Compare two models by their hits.

    Args:
        labels_N: class of each image, an index of `class_names`; every class has an image.
        groups_N: group of each image, any numbers; images of one group are not independent.
        champion_N: whether the model in production is right.
        challenger_N: whether the new one is right.
        class_names: of the classes compared.
        confidence: of each one-sided bound.
        num_resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    gains_N = challenger_N.astype(np.int64) - champion_N
    differences_RK = resampled_differences(
        labels_N, groups_N, gains_N[:, None], num_resamples=num_resamples, seed=seed
    )[:, :, 0]
    sizes, old, new = (
        np.bincount(labels_N, weights=hits).astype(int).tolist()
        for hits in (np.ones(len(labels_N)), champion_N, challenger_N)
    )
    champion, challenger = _balanced(old, sizes), _balanced(new, sizes)
    lower, upper = bounds(differences_RK.mean(axis=1), confidence)
    lower_K, upper_K = bounds(differences_RK, confidence)
    return Comparison(
        images=len(labels_N),
        champion=float(champion),
        challenger=float(challenger),
        difference=float(challenger - champion),
        lower=float(lower),
        upper=float(upper),
        confidence=confidence,
        classes=tuple(
            ClassResult(
                name=name,
                images=sizes[k],
                groups=len(np.unique(groups_N[labels_N == k])),
                champion=old[k] / sizes[k],
                challenger=new[k] / sizes[k],
                lower=float(lower_K[k]),
                upper=float(upper_K[k]),
            )
            for k, name in enumerate(class_names)
        ),
        mcnemar=mcnemar(champion_N, challenger_N),
    )


def mcnemar(champion_N: Hits, challenger_N: Hits) -> McNemar:
    """Apply McNemar's exact test to the number of correct images."""
    from scipy.special import bdtr

    lost, won = int((champion_N & ~challenger_N).sum()), int((challenger_N & ~champion_N).sum())
    # The distribution is symmetric, so both tails are twice the one.
    return McNemar(lost, won, min(1.0, 2 * float(bdtr(min(won, lost), won + lost, 0.5))))


def _balanced(hits: Sequence[int], sizes: Sequence[int]) -> Fraction:
    """Return the exact mean recall: rounded sums would hide a tie of equal recalls."""
    recalls = [Fraction(hit, size) for hit, size in zip(hits, sizes, strict=True)]
    return sum(recalls, Fraction()) / len(recalls)
