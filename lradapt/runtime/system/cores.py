"""The number of cores that this process may use."""

import os


def available_cores() -> int:
    """Return how many cores this process may use, at least 1; without such limits, all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
