"""Following the registry: looks with a deadline, and what the last ones have found."""

import asyncio
import logging
import threading
import time

from lradapt.serving.live_model import LiveModel

log = logging.getLogger(__name__)


_LONGEST_PAUSE_SECONDS = 60.0
_MAX_HANGING = 256


def pause_seconds(usual: float, num_hanging: int) -> float:
    """Return how long to wait before the next look: twice as long for each that hangs, to a limit.

    A read may hang for ever, and its thread with it; the next look must come all the same.
    """
    longest = max(usual, _LONGEST_PAUSE_SECONDS)
    return float(min(longest, usual * 2 ** min(num_hanging, 30)))


class Follower:
    """Keeps a live model up to date, and the fault of the last failure.

    Each look at the registry has a thread of its own, because a read may hang for ever, such as
    that of a network file system whose server is gone. Such a thread ends with the process.

    Attributes:
        live: the model in production.
        fault: of the last look; empty if it succeeded.
        look_seconds: until a look without an answer is a fault.
    """

    def __init__(self, live: LiveModel, look_seconds: float) -> None:
        """Keep what to follow; the registry must answer within `look_seconds`."""
        self.live, self.fault = live, ""
        self.look_seconds = look_seconds
        self._checked: float | None = None
        self._noted = 0
        self._looking: list[threading.Thread] = []
        self._noting = threading.Lock()

    def checked_seconds_ago(self) -> float | None:
        """Return the age of the last look that succeeded; None before the first."""
        return None if self._checked is None else time.monotonic() - self._checked

    async def follow(self, seconds: float) -> None:
        """Look every `seconds`, for ever; less often while earlier looks still hang."""
        while True:
            await asyncio.sleep(pause_seconds(seconds, self._num_hanging()))
            await self.look()

    async def look(self) -> None:
        """Load another version, if one is in production; keep a failure, and log it once.

        If the registry has not answered at the deadline, this is a fault; the look goes on, but
        counts only if no later one has ended before.
        """
        if self._num_hanging() >= _MAX_HANGING:
            return
        number, ended = self.live.start_look(), asyncio.Event()
        arguments = (number, asyncio.get_running_loop(), ended)
        thread = threading.Thread(target=self._look_in_thread, args=arguments, daemon=True)
        thread.start()
        self._looking.append(thread)
        try:
            # Not wait_for, which loses a cancellation that comes when the look has just ended.
            async with asyncio.timeout(self.look_seconds):
                await ended.wait()
        except TimeoutError:
            self._note(number, f"the registry has not answered within {self.look_seconds:g} s")

    def _num_hanging(self) -> int:
        self._looking = [thread for thread in self._looking if thread.is_alive()]
        return len(self._looking)

    def _look_in_thread(
        self, number: int, loop: asyncio.AbstractEventLoop, ended: asyncio.Event
    ) -> None:
        started = time.monotonic()
        try:
            changed = self.live.finish_look(number)
        except Exception as error:  # noqa: BLE001  # the present model stays in use
            self._note(number, str(error) or repr(error))
        else:
            self._note(number, "", started)
            if changed:
                log.info("serving version %s", self.live.current().promotion.version)
        finally:
            if not loop.is_closed():
                loop.call_soon_threadsafe(ended.set)

    def _note(self, number: int, fault: str, checked: float | None = None) -> None:
        """Keep what a look has found, unless a later one has ended before."""
        with self._noting:
            if number < self._noted:
                return
            self._noted = number
            if fault and fault != self.fault:
                log.warning("the model in production could not be loaded: %s", fault)
            self.fault = fault
            self._checked = self._checked if checked is None else checked
