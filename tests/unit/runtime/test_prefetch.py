import threading
import time
from itertools import count, islice

import pytest

from lradapt.runtime.prefetch import prefetched
from tests.waiting import wait_for


def threads():
    return [one for one in threading.enumerate() if one.name.startswith("prefetch")]


@pytest.fixture(autouse=True)
def _every_thread_ends():
    wait_for(lambda: not threads())
    yield
    wait_for(lambda: not threads())


@pytest.mark.parametrize("num", [0, 1, 2, 3, 7])
def test_each_item_comes_with_its_own_result_in_order(num):
    found = list(prefetched(range(num), lambda item: item * item, ahead=2))
    assert found == [(item, item * item) for item in range(num)]


def test_work_is_done_ahead_in_another_thread_and_no_further():
    begun, where = [], set()

    def work(item):
        where.add(threading.current_thread())
        begun.append(item)
        return item

    results = prefetched(count(), work, ahead=2)
    assert next(results) == (0, 0)
    wait_for(lambda: begun == [0, 1, 2])
    time.sleep(0.02)
    assert begun == [0, 1, 2]
    assert next(results) == (1, 1)
    wait_for(lambda: begun == [0, 1, 2, 3])
    assert len(where) == 1
    assert threading.main_thread() not in where


def test_items_are_asked_for_in_the_thread_of_the_caller():
    def items():
        for item in range(4):
            assert threading.current_thread() is threading.main_thread()
            yield item

    assert len(list(prefetched(items(), str, ahead=2))) == 4


def test_an_error_of_the_work_comes_in_the_place_of_its_result():
    results = prefetched(range(6), lambda item: 1 // (item - 3), ahead=2)
    assert [item for item, _ in islice(results, 3)] == [0, 1, 2]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert list(results) == []


def test_an_error_of_the_items_reaches_the_caller():
    def items():
        yield 1
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        list(prefetched(items(), str, ahead=2))


def test_what_is_not_begun_when_the_iterator_is_closed_is_not_done():
    begun, gate = [], threading.Event()

    def work(item):
        begun.append(item)
        if item:
            gate.wait(10)
        return item

    results = prefetched(count(), work, ahead=3)
    next(results)
    wait_for(lambda: begun == [0, 1])
    results.close()
    gate.set()
    wait_for(lambda: not threads())
    assert begun == [0, 1]


def test_the_thread_ends_with_a_caller_that_raises():
    def train():
        for item, _ in prefetched(count(), str, ahead=2):
            if item == 3:
                raise RuntimeError("diverged")

    with pytest.raises(RuntimeError):
        train()
