"""Runs a command in a process group of its own, and ends the whole group when it must end.

    python tasks/processes/supervisor.py COMMAND...

Whoever starts it holds the other end of its standard input. When that is closed, by its holder or
by the system after a kill -9 of the holder, the group gets SIGTERM, and after a grace SIGKILL; so
does what the command leaves behind when it ends. (A parent-death signal would not do: it goes to
one process, and it is tied to the thread that started it.)

It imports nothing of the project, since one starts with each stage.
"""

import os
import select
import signal
import subprocess
import sys
import time

GRACE_SECONDS = 5.0
"""From SIGTERM to SIGKILL: enough for a checkpoint, and little enough for Prefect's cancel."""
_POLL_SECONDS = 0.05


def main(command: list[str]) -> int:
    """Run the command to its end, or end it; its exit code, 128 more than its signal's number."""
    signals = _open_signals()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    _wait(child, signals)
    _end(child)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _open_signals() -> int:
    """A pipe from which the numbers of the signals that come can be read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which the command would inherit
    return reading


def _wait(child: "subprocess.Popen[bytes]", signals: int) -> None:
    """Until the command has ended, standard input is closed, or a signal asks for the end."""
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin, signals], [], [])
        if sys.stdin in ready or os.read(signals, 1)[0] != signal.SIGCHLD:
            return


def _end(child: "subprocess.Popen[bytes]") -> None:
    """End what lives of the group."""
    deadline = time.monotonic() + GRACE_SECONDS
    alive = _signal(child, signal.SIGTERM)
    while alive and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        alive = _signal(child, 0)
    _signal(child, signal.SIGKILL)
    child.wait()


def _signal(child: "subprocess.Popen[bytes]", number: int) -> bool:
    """Send a signal to the group; whether anything of it was there."""
    child.poll()  # one that has ended, and that nobody waits for, would count
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
