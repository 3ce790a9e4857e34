"""The accuracy in each slice of the test images, and the slice that is worse beyond chance.

A slice with more images of a difficult class has a lower accuracy, which is not the slice's fault.
So a slice is compared with its expected accuracy: the mean, over its images, of the recall that the
whole test set gives their class. The difference is divided by its standard error over groups; its
one-sided p-value (normal distribution) is corrected for the number of slices (Holm 1979).

Letters: N images, K classes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from lradapt.evaluation.intervals import Integers, Interval, share_interval

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

LEAST_IMAGES = 20
"""Of a slice that is tested; in a smaller one the normal distribution is too coarse."""
LEAST_GROUPS = 10
SIGNIFICANT = 0.05


@dataclass(frozen=True, slots=True)
class ClassInSlice:
    """One class within a slice: its test images there, its recall and the 95 % interval of it."""

    name: str
    images: int
    recall: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class SliceResult:
    """The results on the test images with one value of one column.

    Attributes:
        column, value: of `labels.csv`.
        images: their number.
        accuracy: on them, in [0, 1].
        interval: of the accuracy, 95 %, by groups.
        expected: the accuracy if each class had the recall that it has in the whole test set.
        p: of an accuracy as far below the expected one, corrected for the number of slices; None
            where there are too few images or groups.
        classes: that have an image in the slice.
    """

    column: str
    value: str
    images: int
    accuracy: float
    interval: Interval
    expected: float
    p: float | None
    classes: tuple[ClassInSlice, ...]

    @property
    def name(self) -> str:
        """The slice in words."""
        return f"{self.column} = {self.value}"

    def describe(self) -> str:
        """Return the result in a sentence, for a slice that was tested."""
        return (
            f"{self.name}: accuracy {self.accuracy:.1%} on {self.images:,} test images; with the "
            f"recall of each class in all of them it would be {self.expected:.1%} (p {self.p:.2g})"
        )


def slice_results(
    labels_N: Integers,
    predicted_N: Integers,
    groups_N: Integers,
    class_names: Sequence[str],
    slices: Mapping[str, Sequence[str]],
) -> list[SliceResult]:
    """Return the results of each slice, by column and value; images without a value are in none.

    Args:
        labels_N: class of each test image, an index of `class_names`.
        predicted_N: predicted class of each.
        groups_N: group of each; any numbers.
        class_names: of the model.
        slices: column -> value of each image, "" where none is known.
    """
    hits_N = predicted_N == labels_N
    sizes_K = np.bincount(labels_N, minlength=len(class_names))
    recall_K = np.bincount(labels_N, weights=hits_N, minlength=len(sizes_K)) / np.maximum(
        1, sizes_K
    )
    expected_N = recall_K[labels_N]
    found = []
    for column, value, own_N in _slices(slices):
        hits, labels, groups = hits_N[own_N], labels_N[own_N], groups_N[own_N]
        found.append(
            SliceResult(
                column,
                value,
                len(hits),
                float(hits.mean()),
                share_interval(hits, groups),
                float(expected_N[own_N].mean()),
                _p_value(hits - expected_N[own_N], groups),
                _classes(hits, labels, groups, class_names),
            )
        )
    return _corrected(found)


def worst_slice(results: Sequence[SliceResult]) -> SliceResult | None:
    """Return the slice that is most clearly worse than its classes let expect; None for none."""
    tested = [(each.p, each) for each in results if each.p is not None]
    p, worst = min(tested, key=lambda pair: pair[0], default=(1.0, None))
    return worst if p < SIGNIFICANT else None


def _slices(slices: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str, Flags]]:
    for column, values in slices.items():
        values_N = np.array(values, dtype=str)
        for value in sorted(set(values) - {""}):
            yield column, value, values_N == value


def _classes(
    hits: Flags, labels: Integers, groups: Integers, class_names: Sequence[str]
) -> tuple[ClassInSlice, ...]:
    return tuple(
        ClassInSlice(
            class_names[k],
            int(own.sum()),
            float(hits[own].mean()),
            share_interval(hits[own], groups[own]),
        )
        for k in np.unique(labels).tolist()
        for own in [labels == k]
    )


def _p_value(surplus: Floats, groups: Integers) -> float | None:
    """Return the probability of so low a sum of hits less their expectation, by groups."""
    from scipy.stats import norm

    _, numbers = np.unique(groups, return_inverse=True)
    sums = np.bincount(numbers, weights=surplus)
    if len(surplus) < LEAST_IMAGES or len(sums) < LEAST_GROUPS:
        return None
    error = float(np.sqrt((sums**2).sum()))
    return float(norm.cdf(surplus.sum() / error)) if error else 1.0


def _corrected(results: Sequence[SliceResult]) -> list[SliceResult]:
    """Apply Holm's correction to the p-values."""
    ranked = sorted((each.p, number) for number, each in enumerate(results) if each.p is not None)
    raised = [min(1.0, p * (len(ranked) - rank)) for rank, (p, _) in enumerate(ranked)]
    corrected = dict(zip((number for _, number in ranked), accumulate(raised, max), strict=True))
    return [replace(each, p=corrected.get(number)) for number, each in enumerate(results)]
