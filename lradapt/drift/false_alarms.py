"""The level of one test, so that a year of tests without a change has at most 5 % false alarms.

The level of a year is divided by the periods of a year and by the tests of a period (Bonferroni).
That holds whatever the tests have in common, such as the reference, and keeps no state: any year
of successive periods has at most its level. docs/drift.md has the simulated errors.
"""

from typing import Literal

Period = Literal["day", "week"]

LEVEL_OF_A_YEAR = 0.05
PERIODS_OF_A_YEAR: dict[Period, int] = {"day": 366, "week": 53}
"""The most that can begin in one year."""


def level_of_a_test(period: Period, num_tests: int) -> float:
    """Return the level of each of the tests of one period."""
    return LEVEL_OF_A_YEAR / PERIODS_OF_A_YEAR[period] / num_tests
