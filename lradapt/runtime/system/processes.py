"""Processes: whether one runs, how it ends, and what it gets of a core."""

import ctypes
import os
import signal
import subprocess
import sys
from typing import Any

from lradapt.runtime.system import kind

_PR_SET_PDEATHSIG = 1  # prctl(2)


def is_running(pid: int) -> bool:
    """Return whether a process has this number."""
    if kind.ON_WINDOWS:  # where `os.kill` ends the process, whatever the signal
        import psutil

        return bool(psutil.pid_exists(pid))
    try:
        os.kill(pid, 0)  # signal 0 only checks that the process exists
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it belongs to another user
    return True


def end_with_parent() -> None:
    """Ask the system to send this process SIGTERM when its parent dies, for whatever reason.

    Only Linux supports this; elsewhere nothing happens.
    """
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before the call of prctl
        os.kill(os.getpid(), signal.SIGTERM)


def yield_to_others() -> None:
    """Run this process only while a core has nothing else to do."""
    if kind.ON_WINDOWS:
        import psutil

        psutil.Process().nice(psutil.IDLE_PRIORITY_CLASS)
        return
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (OSError, AttributeError):  # not on Linux, or not allowed
        os.nice(19)


def not_interrupted() -> dict[str, Any]:
    """Return arguments of `subprocess.Popen` for a child that Ctrl-C does not reach."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"process_group": 0}


def start_method() -> str:
    """Return how `multiprocessing` starts a process that inherits no threads."""
    return "forkserver" if hasattr(os, "fork") else "spawn"
