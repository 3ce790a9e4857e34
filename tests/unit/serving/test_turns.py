import asyncio

import pytest

from lradapt.serving.turns import CrowdedError, Turns


async def rest():
    """Let all other tasks run until they wait."""
    for _ in range(5):
        await asyncio.sleep(0)


class Work:
    """Requests that ask for turns, note which has its turn, and keep it until released."""

    def __init__(self, turns):
        self.turns, self.got, self.ends, self.tasks = turns, [], {}, {}

    async def start(self, name, seconds=0, request_seconds=None):
        async def run():
            whole = seconds if request_seconds is None else request_seconds
            async with self.turns.turn(seconds, whole):
                self.got.append(name)
                await self.ends[name].wait()

        self.ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(run())
        await rest()

    async def end(self, name):
        self.ends[name].set()
        await rest()


def test_so_many_run_at_once_and_the_cheapest_that_waits_is_next():
    async def questions():
        work = Work(Turns(2, max_waiting=9))
        for name, cost in [("a", 0), ("b", 0), ("dear", 5000), ("cheap", 1000), ("free", 0)]:
            await work.start(name, request_seconds=cost)
        assert work.got == ["a", "b"]
        for name in ("a", "b", "free", "cheap", "dear"):
            await work.end(name)
        return work.got

    assert asyncio.run(questions()) == ["a", "b", "free", "cheap", "dear"]


def test_who_has_waited_for_as_long_as_it_costs_is_not_overtaken():
    async def questions():
        work = Work(Turns(1, max_waiting=9))
        await work.start("a")
        await work.start("dear", request_seconds=0.05)
        await asyncio.sleep(0.1)
        await work.start("cheap")
        for name in ("a", "dear", "cheap"):
            await work.end(name)
        return work.got

    assert asyncio.run(questions()) == ["a", "dear", "cheap"]


def test_long_work_leaves_one_of_several_threads_free():
    async def questions():
        work = Work(Turns(2, max_waiting=9))
        await work.start("long", 1)
        await work.start("longer", 2)
        await work.start("short", 0.01)
        assert work.got == ["long", "short"]
        await work.end("short")
        assert work.got == ["long", "short"]
        await work.end("long")
        return work.got

    assert asyncio.run(questions()) == ["long", "short", "longer"]


def test_a_single_thread_takes_long_work_too():
    async def questions():
        work = Work(Turns(1, max_waiting=9))
        await work.start("long", 1)
        return work.got

    assert asyncio.run(questions()) == ["long"]


def test_in_a_full_queue_the_one_that_would_wait_longest_is_refused():
    async def questions():
        work = Work(Turns(1, max_waiting=2))
        for name, cost in [("a", 0), ("dear", 5000), ("b", 0), ("c", 0)]:
            await work.start(name, request_seconds=cost)
        with pytest.raises(CrowdedError):
            await work.tasks["dear"]
        await work.start("dearest", request_seconds=9000)
        with pytest.raises(CrowdedError):
            await work.tasks["dearest"]
        for name in ("a", "b", "c"):
            await work.end(name)
        return work.got

    assert asyncio.run(questions()) == ["a", "b", "c"]


@pytest.mark.parametrize("granted", [False, True])
def test_who_gives_up_leaves_the_turn_to_the_next(granted):
    async def questions():
        work = Work(Turns(1, max_waiting=9))
        for name in ("a", "b", "c"):
            await work.start(name)
        if granted:  # b is cancelled after it was given its turn, before it could take it
            work.ends["a"].set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        work.tasks["b"].cancel()
        await rest()
        await work.end("a")
        await work.end("c")
        await work.start("d")
        return work.got

    assert [name for name in asyncio.run(questions()) if name != "b"] == ["a", "c", "d"]
