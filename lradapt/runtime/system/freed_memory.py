"""Whether the C library keeps the memory that tensors have freed, for the next ones.

GNU's library gives large blocks back to the system at once. Each step of a training on a CPU then
gets them anew, and the system fills them with zeros first: more than half of the CPU time of a
forward pass of 256 images at 96 pixels (docs/log.md, 2026-11-29). No value that is computed depends
on it.
"""

import ctypes
import sys
from collections.abc import Mapping

_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of malloc.h
_MOST_KEPT = 2**31 - 1  # bytes at the end of the heap; mallopt takes an int
_SET_BY_A_PERSON = ("GLIBC_TUNABLES", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_")


def keep_freed_memory(environment: Mapping[str, str]) -> bool:
    """Keep up to 2 GB of freed memory in this process; return False where nothing was changed.

    That is on another system than Linux, with another C library, or where the environment says
    already what is kept.
    """
    if sys.platform != "linux" or any(name in environment for name in _SET_BY_A_PERSON):
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):  # musl
        return False
    settings = ((_MMAP_MAX, 0), (_TRIM_THRESHOLD, _MOST_KEPT))
    return all(library.mallopt(name, value) for name, value in settings)
