"""Turns for work in threads: so many at once, and a bounded queue in which cheap requests go first.

A request asks for a turn for each of its images. So a request with many large images delays another
by one image at most. An image that takes long never gets the last free thread, if there are several
threads: then a cheap request need not even wait for that one.
"""

import asyncio
from bisect import insort
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count

import anyio

LONG_SECONDS = 0.25
"""Work that takes longer, about, is long."""


class CrowdedError(Exception):
    """The queue is full, and of all that wait, this request would wait longest."""


@dataclass(order=True, slots=True)
class _Waiting:
    due: float
    number: int
    is_long: bool = field(compare=False)
    turn: "asyncio.Future[None]" = field(compare=False)


class Turns:
    """Turns of the requests of one event loop.

    Attributes:
        limiter: of the threads in which the work is done; other work in threads has its own.
    """

    def __init__(self, num_threads: int, max_waiting: int) -> None:
        """Keep the limits.

        Args:
            num_threads: number of turns at the same time.
            max_waiting: the most that wait.
        """
        self._free, self._free_for_long = num_threads, max(1, num_threads - 1)
        self._max_waiting = max_waiting
        self.limiter = anyio.CapacityLimiter(num_threads)
        self._waiting: list[_Waiting] = []  # the first to go first
        self._numbers = count()

    @asynccontextmanager
    async def turn(self, seconds: float, request_seconds: float) -> AsyncIterator[None]:
        """Wait for a turn, and run the block in it.

        Args:
            seconds: that the block takes, about.
            request_seconds: that the whole request takes, about. It waits as if it had come later
                by this time, so cheap requests go first, and no request waits for ever.

        Raises:
            CrowdedError: the queue is full.
        """
        is_long = seconds > LONG_SECONDS
        await self._enter(request_seconds, is_long)
        try:
            yield
        finally:
            self._leave(is_long)

    async def _enter(self, request_seconds: float, is_long: bool) -> None:
        if self._has_room(is_long):
            self._take(is_long)
            return
        loop = asyncio.get_running_loop()
        due = loop.time() + request_seconds
        waiting = _Waiting(due, next(self._numbers), is_long, loop.create_future())
        insort(self._waiting, waiting)
        if len(self._waiting) > self._max_waiting:
            self._waiting.pop().turn.set_exception(CrowdedError())
        try:
            await waiting.turn
        except asyncio.CancelledError:
            self._give_up(waiting)
            raise

    def _leave(self, is_long: bool) -> None:
        self._free += 1
        self._free_for_long += is_long
        for waiting in self._waiting:
            if self._has_room(waiting.is_long):
                self._waiting.remove(waiting)
                self._take(waiting.is_long)
                waiting.turn.set_result(None)
                break

    def _has_room(self, is_long: bool) -> bool:
        return self._free > 0 and (not is_long or self._free_for_long > 0)

    def _take(self, is_long: bool) -> None:
        self._free -= 1
        self._free_for_long -= is_long

    def _give_up(self, waiting: _Waiting) -> None:
        """Forget a request that was cancelled, perhaps just after it got its turn."""
        if waiting in self._waiting:
            self._waiting.remove(waiting)
        elif not waiting.turn.cancelled() and waiting.turn.exception() is None:
            self._leave(waiting.is_long)
