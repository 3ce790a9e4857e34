"""A program that runs a command in a process group of its own, and ends the whole group.

    python tasks/processes/supervisor.py COMMAND...

Its parent holds the other end of its standard input. When that is closed, by the parent or by the
system after kill -9 of the parent, the group gets SIGTERM, and SIGKILL after a grace period; so do
processes that remain when the command ends. (A parent-death signal is not enough: it reaches one
process only, and is tied to the thread that started it.)

It imports nothing of the project, since each stage starts one.
"""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Protocol

GRACE_SECONDS = 5.0
"""From SIGTERM to SIGKILL: enough for a checkpoint, and shorter than Prefect's limit."""
_POLL_SECONDS = 0.05


class Child(Protocol):
    """What the supervisor uses of `subprocess.Popen`."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """Return the exit code, or None if the process still runs."""

    def wait(self) -> int:
        """Wait for the end, and return the exit code."""


def main(command: list[str]) -> int:
    """Run the command, and return its exit code: after a signal, 128 + the number of the signal."""
    return supervise(
        lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    )


def supervise(start: Callable[[], Child]) -> int:
    """Start a child, which leads a process group, and return its exit code as `main` does."""
    signals = _open_signals()
    child = start()
    _wait(child, signals)
    _end(child)
    code = child.wait()
    return code if code >= 0 else 128 - code


def _open_signals() -> int:
    """Return a pipe from which the numbers of received signals can be read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the command would inherit
    return reading


def _wait(child: Child, signals: int) -> None:
    """Wait until the command has ended, standard input is closed, or a signal requests the end."""
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin, signals], [], [])
        if sys.stdin in ready or os.read(signals, 1)[0] != signal.SIGCHLD:
            return


def _end(child: Child) -> None:
    """End every process of the group."""
    deadline = time.monotonic() + GRACE_SECONDS
    alive = _signal(child, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        alive = _signal(child, 0)
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: Child, number: int) -> bool:
    """Send a signal to the group, and return whether it has any process."""
    child.poll()  # an ended child that was not waited for would count
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
