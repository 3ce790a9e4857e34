"""The bins of a reliability diagram: accuracy against confidence.

Guo et al. 2017, arXiv:1706.04599, section 2; `lradapt.evaluation.calibration` has the error that
summarises them.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lradapt.evaluation.calibration import Floats, Labels, untempered
from lradapt.runtime.files import whole_file


@dataclass(frozen=True, slots=True)
class Bin:
    """The images with a confidence above `low`, and at most `high`.

    Attributes:
        low, high: of the confidence, in [0, 1].
        images: the number of images.
        confidence, accuracy: their means, in [0, 1]; NaN where there is no image.
    """

    low: float
    high: float
    images: int
    confidence: float
    accuracy: float


def reliability(probabilities_NK: Floats, labels_N: Labels, *, num_bins: int) -> list[Bin]:
    """Return the bins of equal width that `calibration.expected_calibration_error` has."""
    confidences_N = np.asarray(probabilities_NK.max(axis=1), dtype=np.float64)
    hits_N = probabilities_NK.argmax(axis=1) == labels_N
    edges = np.linspace(0, 1, num_bins + 1)
    bins_N = np.digitize(np.minimum(confidences_N, 1), edges, right=True) - 1
    sizes = np.bincount(bins_N, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        means = [
            np.bincount(bins_N, weights=values_N, minlength=num_bins) / sizes
            for values_N in (confidences_N, hits_N)
        ]
    columns = (edges[:-1], edges[1:], sizes, *means)
    return [Bin(*row) for row in zip(*(each.tolist() for each in columns), strict=True)]


def write_reliability(
    path: Path, probabilities_NK: Floats, labels_N: Labels, *, temperature: float, num_bins: int
) -> None:
    """Write a line for each bin, `before` the temperature and `after` it."""
    found = {"before": untempered(probabilities_NK, temperature), "after": probabilities_NK}
    lines = [
        {"temperature": when, **asdict(each)}
        for when, values_NK in found.items()
        for each in reliability(values_NK, labels_N, num_bins=num_bins)
    ]
    with whole_file(path) as partial:
        pd.DataFrame(lines).to_csv(partial, index=False, lineterminator="\n", float_format="%.6g")
