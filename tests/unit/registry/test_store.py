"""Asking a store of several keys at a time."""

import threading
import time

import pytest

from lradapt.registry.store import MissingError, for_each


def test_answers_come_in_the_order_of_the_items_however_long_each_takes():
    def ask(number):
        time.sleep(0.02 if number == 0 else 0)
        return 10 * number

    assert for_each(ask, range(20)) == [10 * number for number in range(20)]


def test_several_are_asked_at_a_time():
    both = threading.Barrier(2, timeout=60)
    for_each(lambda _: both.wait(), range(2))


def test_the_first_error_ends_it():
    asked = []

    def ask(number):
        asked.append(number)
        time.sleep(0.01)  # all of them: more than half a second
        raise MissingError(f"no {number}")

    with pytest.raises(MissingError, match="no 0"):
        for_each(ask, range(1000))
    assert len(asked) < 1000
