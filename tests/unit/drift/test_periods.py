"""Days and weeks, and the level of their tests."""

import numpy as np
import pytest

from lradapt.drift.false_alarms import level_of_a_test
from lradapt.drift.periods import by_period

TIMES = np.array(
    ["2026-11-30T00:00", "2026-11-29T23:59:59.999", "2026-12-06T12:00", "2026-01-01T00:00"],
    "datetime64[ms]",
)


def test_weeks_begin_on_monday_and_are_named_by_iso_8601():
    found = [
        (span.name, str(span.first), str(span.end), rows.tolist())
        for span, rows in by_period(TIMES, "week")
    ]
    assert found == [
        ("2026-W01", "2025-12-29", "2026-01-05", [3]),
        ("2026-W48", "2026-11-23", "2026-11-30", [1]),
        ("2026-W49", "2026-11-30", "2026-12-07", [0, 2]),
    ]


def test_days_are_those_of_utc():
    found = [(span.name, rows.tolist()) for span, rows in by_period(TIMES, "day")]
    assert found == [
        ("2026-01-01", [3]),
        ("2026-11-29", [1]),
        ("2026-11-30", [0]),
        ("2026-12-06", [2]),
    ]


def test_no_time_has_no_period():
    assert list(by_period(np.empty(0, "datetime64[ms]"), "week")) == []


def test_the_levels_of_all_tests_of_a_year_add_up_to_five_percent():
    assert 53 * 4 * level_of_a_test("week", 4) == pytest.approx(0.05)
    assert 366 * 4 * level_of_a_test("day", 4) == pytest.approx(0.05)
