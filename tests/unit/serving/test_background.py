import threading

import pytest

from lradapt.serving.background import Background


@pytest.fixture
def held():
    """A queue for two items of ten bytes; its thread waits in the first item until it is freed."""
    free, begun, done = threading.Event(), threading.Event(), []

    def work(item):
        begun.set()
        assert free.wait(60)
        done.append(item)

    background = Background(work, name="work", max_items=2, max_bytes=10)
    assert background.offer("first")
    assert begun.wait(60)
    yield background, free, done
    free.set()


def test_items_are_worked_on_in_order_until_the_end(held):
    background, free, done = held
    assert [background.offer(item) for item in "ab"] == [True, True]
    free.set()
    assert background.close(60)
    assert done == ["first", "a", "b"]


def test_what_does_not_fit_is_dropped_and_counted_at_once(held):
    background, _, _ = held
    assert [background.offer(item) for item in "abc"] == [True, True, False]
    assert background.num_dropped == 1


def test_the_bytes_of_waiting_items_are_limited(held):
    background, free, done = held
    assert [background.offer(k, num_bytes) for k, num_bytes in enumerate((6, 5, 4))] == [
        *(True, False, True),
    ]
    free.set()
    assert background.close(60)
    assert done == ["first", 0, 2]


def test_the_bytes_of_an_item_that_is_done_are_free_again():
    done = threading.Semaphore(0)
    background = Background(lambda _: done.release(), name="work", max_items=9, max_bytes=10)
    for _ in range(3):
        assert background.offer("item", 10)
        assert done.acquire(timeout=60)
    assert background.close(60)


def test_after_the_end_nothing_is_taken(held):
    background, free, _ = held
    free.set()
    assert background.close(60)
    assert not background.offer("late")
    assert background.num_dropped == 1


def test_the_end_does_not_wait_longer_than_it_may(held):
    background, _, _ = held
    assert not background.close(0.01)


def test_an_error_is_logged_once_and_the_next_items_are_worked_on(caplog):
    done = []

    def work(item):
        if item < 2:
            raise OSError("no space")
        done.append(item)

    background = Background(work, name="the work", max_items=9)
    for item in range(4):
        background.offer(item)
    assert background.close(60)
    assert done == [2, 3]
    assert [record.getMessage() for record in caplog.records] == ["the work: no space"]


def test_items_are_gathered_until_the_end_comes():
    done = []
    background = Background(done.append, name="work", max_items=9, gather_seconds=600)
    assert background.offer("a")
    background._thread.join(0.05)
    assert background.offer("b")
    assert done == []
    assert background.close(60)
    assert done == ["a", "b"]
