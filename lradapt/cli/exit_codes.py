"""What the exit code of a program says; docs/terminal.md has the table for people."""

import signal

DONE = 0
FAILED = 1
WRONG_USAGE = 2
TO_MEND = 3
FAULT = 70
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM

MEANINGS = {
    DONE: "done",
    FAILED: "an error, which is told",
    WRONG_USAGE: "wrong usage",
    TO_MEND: "done, but images or labels must be mended",
    FAULT: "a fault of lradapt's own",  # EX_SOFTWARE of sysexits.h
    INTERRUPTED: "Ctrl-C",
    TERMINATED: "SIGTERM",
}


def told(*codes: int) -> str:
    """Codes and what they say, on one line."""
    return ", ".join(f"{code} {MEANINGS[code]}" for code in codes)
