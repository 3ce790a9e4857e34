"""Work beside the answers: in a thread of its own, behind a bounded queue.

An answer never waits for it: what does not fit into the queue is dropped and counted.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

_Item = TypeVar("_Item")


class Background(Generic[_Item]):
    """A queue, and the thread that works on its items in order. Threads may share it.

    Attributes:
        num_dropped: items that did not fit.
    """

    def __init__(
        self,
        work: Callable[[_Item], None],
        *,
        name: str,
        max_items: int,
        max_bytes: float = float("inf"),
        gather_seconds: float = 0.0,
    ) -> None:
        """Start the thread.

        Args:
            work: on one item. An error that it raises is logged; the thread goes on.
            name: of the work, for the log.
            max_items: that wait.
            max_bytes: of all items that wait.
            gather_seconds: until the thread begins, once an item has come. So it is not woken for
                each item, which would cost the answers more time than the work does.
        """
        self._gather_seconds = gather_seconds
        self._work, self._name = work, name
        self._max_items, self._max_bytes = max_items, max_bytes
        self._waiting: deque[tuple[_Item, int]] = deque()
        self._num_bytes, self.num_dropped = 0, 0
        self._is_closed, self._fault = False, ""
        self._changed, self._closing = threading.Condition(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def offer(self, item: _Item, num_bytes: int = 0) -> bool:
        """Add an item that holds so many bytes; return whether it fitted."""
        with self._changed:
            fits = (
                not self._is_closed
                and len(self._waiting) < self._max_items
                and self._num_bytes + num_bytes <= self._max_bytes
            )
            if fits:
                self._waiting.append((item, num_bytes))
                self._num_bytes += num_bytes
                self._changed.notify()
            else:
                self.num_dropped += 1
        return fits

    def close(self, seconds: float) -> bool:
        """Take no further item; return whether the waiting ones were done within `seconds`."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._closing.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
            if self._gather_seconds:
                self._closing.wait(self._gather_seconds)
            if not self._waiting:
                return
            while self._waiting:
                self._do(self._next())

    def _next(self) -> _Item:
        with self._changed:
            item, num_bytes = self._waiting.popleft()
            self._num_bytes -= num_bytes
        return item

    def _do(self, item: _Item) -> None:
        try:
            self._work(item)
        except Exception as error:  # noqa: BLE001  # answers go on without this work
            if (fault := str(error) or repr(error)) != self._fault:
                log.warning("%s: %s", self._name, fault)
                self._fault = fault
