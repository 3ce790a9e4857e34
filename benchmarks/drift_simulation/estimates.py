"""The accuracy of a week without labels: three estimates beside the true value."""

import numpy as np

from benchmarks.drift_simulation.draws import Rows, changed_week
from benchmarks.drift_simulation.pool import Pool
from lradapt.drift.accuracy import confidences, estimate_accuracy, hits
from lradapt.drift.observed import Values


def estimates(
    found: Pool,
    kind: str,
    percent: int,
    volume: int,
    shifted_class: str,
    reference: int,
    random: np.random.Generator,
) -> tuple[float, float, float, float, float]:
    """Return the true accuracy, the error of each estimate, and 1 if it is within its own."""
    rows = random.integers(0, len(found.labels), reference)
    known, labels = found.base.probabilities[rows], found.labels[rows]
    week, week_labels = changed_week(found, kind, percent, volume, shifted_class, random)
    true = float(hits(week.probabilities, week_labels).mean())
    estimate = estimate_accuracy(known, labels, week.probabilities)
    mean = float(confidences(week.probabilities).mean())
    threshold = _estimate_by_threshold(known, labels, week.probabilities)
    within = abs(estimate.accuracy - true) <= 1.96 * estimate.error
    return true, mean - true, threshold - true, estimate.accuracy - true, float(within)


def _estimate_by_threshold(known: Values, labels: Rows, period: Values) -> float:
    """Estimate by averaged thresholded confidence: Garg et al. 2022, arXiv:2201.04234."""
    wrong = 1 - hits(known, labels).mean()
    threshold = np.quantile(confidences(known), wrong)
    return float(np.mean(confidences(period) > threshold))
