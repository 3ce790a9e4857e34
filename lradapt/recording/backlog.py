"""What waits to be written: bounded, and never waited for by those who answer."""

import threading
from collections import deque
from collections.abc import Callable
from datetime import datetime

from lradapt.recording.rows import Batch


class Backlog:
    """Batches in the order of their answers; for several threads.

    Attributes:
        num_dropped: images for which there was no room.
    """

    def __init__(self, max_bytes: int, now: Callable[[], datetime]) -> None:
        """Keep the limit of the memory, and the clock that gives a batch its time."""
        self._max_bytes, self._now = max_bytes, now
        self._batches: deque[tuple[datetime, Batch]] = deque()
        self._num_bytes, self.num_dropped = 0, 0
        self._closed = False
        self._changed = threading.Condition()

    def offer(self, batch: Batch) -> bool:
        """Take a batch, at once; return whether there was room for it."""
        with self._changed:
            if self._num_bytes + batch.num_bytes > self._max_bytes:
                self.num_dropped += len(batch.contents)
                return False
            self._batches.append((self._now(), batch))
            self._num_bytes += batch.num_bytes
            self._changed.notify()
            return True

    def wait(self, seconds: float) -> None:
        """Return when there is something, after some seconds, or at once after `close`."""
        with self._changed:
            self._changed.wait_for(lambda: self._batches or self._closed, seconds)

    def close(self) -> None:
        """Let nobody wait any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self, max_bytes: int) -> list[tuple[datetime, Batch]]:
        """Return the first batches, with about so many bytes, and their times; perhaps none."""
        taken: list[tuple[datetime, Batch]] = []
        with self._changed:
            while self._batches and sum(batch.num_bytes for _, batch in taken) < max_bytes:
                taken.append(self._batches.popleft())
            self._num_bytes -= sum(batch.num_bytes for _, batch in taken)
        return taken

    def __len__(self) -> int:
        """Return how many images wait."""
        with self._changed:
            return sum(len(batch.contents) for _, batch in self._batches)
