"""One GPU job at a time, across flows and machines: a slot on Prefect's server."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.concurrency.sync import concurrency
from prefect.settings import PREFECT_API_URL

LIMIT = "gpu"
LEASE_SECONDS = 120
"""A slot whose holder has died is free again so long after the last sign of life, and not before;
a holder whose server is away for less keeps it."""


@contextmanager
def slot(*, wanted: bool = True) -> Iterator[None]:
    """A block that has the GPU for itself; waits for another that holds it.

    Without a server of its own (`PREFECT_API_URL` is not set) a run asks for nothing: a temporary
    server knows no other run. So it is where the server has no such limit: `make deploy` makes it.

    Args:
        wanted: whether the block needs the GPU at all.
    """
    if not wanted or not PREFECT_API_URL.value():
        yield
        return
    with concurrency(LIMIT, lease_duration=LEASE_SECONDS):
        yield
