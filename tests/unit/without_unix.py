"""What Windows has not: modules, functions and flags of Unix, which a test can take away."""

import os
import signal
import sys

MODULES = ("fcntl", "grp", "pwd", "resource", "termios")
NAMES = {
    "os": (
        "O_DIRECTORY",
        "O_NOFOLLOW",
        "O_NONBLOCK",
        "fork",
        "getuid",
        "killpg",
        "link",
        "posix_fallocate",
        "pwrite",
        "sched_getaffinity",
        "sched_setscheduler",
    ),
    "signal": ("SIGHUP", "SIGKILL"),
}


def take_away():
    """Do so, for this process."""
    for module in MODULES:
        sys.modules[module] = None
    for module, names in ((os, NAMES["os"]), (signal, NAMES["signal"])):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    os.supports_dir_fd.clear()
