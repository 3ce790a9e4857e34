"""The number of this process among those that compute one stage together, from the environment.

`torchrun` sets these variables, and so does `lradapt.compute.distributed.launch`.
"""

import os


def rank() -> int:
    """Return the number of this process, from 0; 0 if it is the only one."""
    return int(os.environ.get("RANK", "0")) if num_processes() > 1 else 0


def num_processes() -> int:
    """Return the number of processes that were started together, at least 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def label(rank: int, num: int) -> str:
    """Return the name of a process in messages, counted from 1: `process 1 of 2`."""
    return f"process {rank + 1} of {num}"
