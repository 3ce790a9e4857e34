"""Which of several processes of one stage this is, as whoever started it says in its environment.

`torchrun` sets these variables, and so does `lradapt.compute.distributed.launch`.
"""

import os


def rank() -> int:
    """The number of this process, from 0; 0 where there is no other."""
    return int(os.environ.get("RANK", "0")) if num_ranks() > 1 else 0


def num_ranks() -> int:
    """The number of processes that were started together, at least 1."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def told(rank: int, num: int) -> str:
    """As people count: `process 1 of 2`."""
    return f"process {rank + 1} of {num}"
