"""Which period of a drift counts; tests/unit/production/test_record_drift.py has the comparison."""

from dataclasses import replace
from datetime import date

from found_drift import FOUND, WEEKS


def test_the_period_that_ended_last_is_that_before_the_present_one():
    assert FOUND.ended_last(date(2026, 11, 30)).name == "2026-W48"
    assert FOUND.ended_last(date(2026, 12, 6)).name == "2026-W48"
    assert FOUND.ended_last(date(2026, 11, 29)).name == "2026-W47"
    assert FOUND.ended_last(date(2026, 12, 7)) is None


def test_the_last_period_that_was_tested_may_not_be_the_last():
    assert FOUND.last_tested.name == "2026-W48"
    assert replace(FOUND, periods=WEEKS[:2]).last_tested.name == "2026-W46"
    assert replace(FOUND, periods=WEEKS[1:2]).last_tested is None
