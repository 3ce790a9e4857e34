"""Days, and weeks from Monday to Sunday, in UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

from lradapt.drift.false_alarms import Period

Times = npt.NDArray[np.datetime64]
Rows = npt.NDArray[np.int64]

DAYS: dict[Period, int] = {"day": 1, "week": 7}
"""Length of a period."""

_MONDAY: dict[Period, int] = {"day": 0, "week": 4}  # the first Monday, days after 1970-01-01


@dataclass(frozen=True, slots=True)
class Span:
    """A day or a week.

    Attributes:
        name: such as "2026-11-29" or "2026-W48" (ISO 8601).
        first: its first day.
        end: the day after its last.
    """

    name: str
    first: date
    end: date


def by_period(times_N: Times, period: Period) -> Iterator[tuple[Span, Rows]]:
    """Yield each period that has a time, the earliest first, and the rows of its times."""
    days_N = times_N.astype("datetime64[D]").astype(np.int64)
    numbers_N = (days_N - _MONDAY[period]) // DAYS[period]
    for number in np.unique(numbers_N).tolist():
        yield _span(number, period), np.flatnonzero(numbers_N == number)


def first_day(day: date, period: Period) -> date:
    """Return the first day of the period that a day is in."""
    days = (day - date(1970, 1, 1)).days - _MONDAY[period]
    return day - timedelta(days=days % DAYS[period])


def _span(number: int, period: Period) -> Span:
    first = date(1970, 1, 1) + timedelta(days=number * DAYS[period] + _MONDAY[period])
    year, week, _ = first.isocalendar()
    name = first.isoformat() if period == "day" else f"{year}-W{week:02}"
    return Span(name, first, first + timedelta(days=DAYS[period]))
