"""One GPU job at a time, across flows and machines: a slot on Prefect's server."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.concurrency.sync import concurrency
from prefect.settings import PREFECT_API_URL

from tasks.server.access import TEMPORARY

LIMIT = "gpu"
LEASE_SECONDS = 120
"""A slot is released this long after the last heartbeat of its holder; a holder keeps it if the
server is unreachable for less."""


@contextmanager
def slot(*, wanted: bool = True) -> Iterator[None]:
    """Hold the GPU slot in the block; wait while another run holds it.

    Nothing is requested of a temporary server, which knows no other run. A server without this
    limit, which `make deploy` creates, grants the slot at once.
    """
    if not wanted or TEMPORARY in os.environ or not PREFECT_API_URL.value():
        yield
        return
    with concurrency(LIMIT, lease_duration=LEASE_SECONDS):
        yield
