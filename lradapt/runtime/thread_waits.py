"""How long the threads of a computation wait for each other in a loop.

PyTorch's wheels for Linux compute with GNU OpenMP. Its threads wait in a loop of 300,000 turns
before they let other programs have the core. Where another program runs, the thread that the others
wait for stands still meanwhile, and a step of two threads takes several times as long as one of a
single thread (docs/log.md, 2026-11-29). A shorter loop costs nothing that can be measured where
nothing else runs.
"""

from collections.abc import MutableMapping

_TURNS = "10000"
_SET_BY_A_PERSON = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")


def shorten_thread_waits(environment: MutableMapping[str, str]) -> None:
    """Let threads wait for a short time only, unless the environment says how long already.

    It must be called before torch is imported, since OpenMP reads the environment once.
    """
    if not any(name in environment for name in _SET_BY_A_PERSON):
        environment["GOMP_SPINCOUNT"] = _TURNS
