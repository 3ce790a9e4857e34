"""Start and end of the other processes of a training, by the first one."""

import atexit
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from lradapt.runtime import process_rank

log = logging.getLogger(__name__)

MEETING = "LRADAPT_MEETING"
"""The environment variable with the file through which the started processes find the first."""
_POLL_SECONDS, _LEAVE_SECONDS, _GRACE_SECONDS = 0.1, 2.0, 5.0
Others = Sequence["subprocess.Popen[bytes]"]


def start_others(num: int) -> Others:
    """Start processes 2 to `num`, which run the command of this one, the first."""
    folder = tempfile.mkdtemp(prefix="lradapt-")
    # They meet through a file and the loopback network: nothing listens to other machines.
    local = {"GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo", **os.environ}
    common = {**local, MEETING: str(Path(folder) / "meeting"), "WORLD_SIZE": str(num)}
    others = [_start({**common, **_numbers(rank)}) for rank in range(1, num)]
    os.environ.update({**common, **_numbers(0)})
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(_end, others)
    threading.Thread(target=_watch, args=(others,), daemon=True).start()
    return others


def _start(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, *sys.orig_argv[1:]], env=environment)


def _numbers(rank: int) -> dict[str, str]:
    return {"RANK": str(rank), "LOCAL_RANK": str(rank)}


def _end(others: Others) -> None:
    """Wait a moment for the others to finish, then kill them."""
    _await(others, _LEAVE_SECONDS)
    for other in others:
        other.kill()  # it waits in a call that SIGTERM does not end, and has nothing to save
    _await(others, _LEAVE_SECONDS)


def _await(others: Others, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(other.poll() is None for other in others) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)


def _watch(others: Others) -> None:
    """End this process if it does not end by itself soon after another.

    A process that waits for another's GPU does not notice that it is gone.
    """
    while not any(other.poll() for other in others):
        if all(other.poll() == 0 for other in others):
            return
        time.sleep(_POLL_SECONDS)
    time.sleep(_GRACE_SECONDS)
    log.error("%s", loss_reason(others))
    for other in others:
        other.kill()
    os._exit(1)


def loss_reason(others: Others) -> str:
    """Return a message about how the others ended, as far as this process can know."""
    _await(others, _LEAVE_SECONDS)
    ended = [
        f"{process_rank.label(rank, len(others) + 1)} {_end_of(other.returncode)}"
        for rank, other in enumerate(others, start=1)
        if other.returncode
    ]
    return "; ".join(ended or ["another process of this training has ended"]) + (
        ", so the training cannot go on; the next run resumes from its last checkpoint"
    )


def _end_of(code: int) -> str:
    if code > 0:
        return f"ended with exit code {code} (see its output above)"
    name = signal.Signals(-code).name
    memory = ", as the system does when memory runs out" if name == "SIGKILL" else ""
    return f"was ended by {name}{memory}"
