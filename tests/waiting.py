"""Waiting for what another thread or process does."""

import time


def wait_for(condition, seconds=120, said=str):
    """The first true value of the condition. A slow machine may need all the seconds.

    It is asked often at first, and then seldom: twice a second costs a server nothing.

    Args:
        condition: a function.
        seconds: until it must hold.
        said: a function whose text the failure ends with, such as the log of a server.
    """
    begin = time.monotonic()
    while not (value := condition()):
        passed = time.monotonic() - begin
        assert passed < seconds, f"not within {seconds} seconds. {said()}"
        time.sleep(min(max(0.005, passed / 20), 0.5))
    return value
