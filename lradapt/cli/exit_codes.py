"""The exit codes of all programs of this project; docs/terminal.md has the table."""

import signal

DONE = 0
FAILED = 1
WRONG_USAGE = 2
DATA_FAULTS = 3
INTERNAL_ERROR = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

MEANINGS = {
    DONE: "done",
    FAILED: "error (message on stderr)",
    WRONG_USAGE: "wrong usage",
    DATA_FAULTS: "done, but images or labels need to be fixed",
    INTERNAL_ERROR: "internal error of lradapt",
    INTERRUPTED: "Ctrl-C",
    TERMINATED: "SIGTERM",
}


def describe(*codes: int) -> str:
    """Return the codes with their meanings, on one line."""
    return ", ".join(f"{code} {MEANINGS[code]}" for code in codes)
