"""The drift of three weeks, for tests of what shows it."""

from datetime import date

from lradapt.drift.accuracy import EstimatedAccuracy
from lradapt.drift.period_drift import Drift, PeriodDrift, Tested

QUIET = Tested(
    {"classes": 0.4, "features": 0.21, "brightness": 0.7, "sharpness": 0.05},
    (),
    EstimatedAccuracy(0.81, 0.02),
    (0.7, 0.3),
    120.5,
    3.25,
)
DRIFTED = Tested(
    {"classes": 0.3, "features": 0.0001, "brightness": 1e-30, "sharpness": 0.05},
    ("features", "brightness"),
    EstimatedAccuracy(0.74, 0.02),
    (0.55, 0.45),
    90.0,
    3.0,
)
WEEKS = (
    PeriodDrift("2026-W46", date(2026, 11, 9), date(2026, 11, 16), 1234, 3, 0, QUIET, ""),
    PeriodDrift(
        "2026-W47", date(2026, 11, 16), date(2026, 11, 23), 12, 0, 0, None, "too few images: 12"
    ),
    PeriodDrift("2026-W48", date(2026, 11, 23), date(2026, 11, 30), 560, 0, 7, DRIFTED, ""),
)
FOUND = Drift(
    "4baf7865a8d8",
    "week",
    0.05 / 53 / 4,
    ("mole", "<melanoma>"),
    420,
    0.8,
    (0.71, 0.29),
    WEEKS,
    ("2 lines were skipped",),
)
