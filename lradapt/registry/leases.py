"""Leases: keys that keep a removal apart from a publish or a promotion of the same version.

    NAME/holds/VERSION-MARK.json      a process publishes or promotes the version
    NAME/removals/VERSION-MARK.json   a process removes the version

Each side first writes its own key, and then looks for one of the other side, so at least one of two
that meet sees the other. A removal that sees a hold gives up before it has deleted anything. A
publish or a promotion that sees a removal waits for its end, and then finds the version there or
gone. The key of a process that was killed expires: no clock may be wrong by as much as that.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from lradapt.registry.manifest import json_bytes
from lradapt.registry.promotions import user_and_host, utc_now
from lradapt.registry.store import MissingError, RegistryError, Store

HOLDS, REMOVALS = "holds", "removals"
HOLD_SECONDS, REMOVAL_SECONDS = 3600.0, 900.0
"""Until the key of a killed process expires."""
_RENEW_SECONDS = 60.0
_WAIT_SECONDS = 30.0


@contextmanager
def held(store: Store, name: str, version: str) -> Iterator[None]:
    """Keep a version from being removed in the block; first wait for the end of a removal.

    Raises:
        RegistryError: a removal has not ended within half a minute.
    """
    with _lease(store, f"{name}/{HOLDS}/{version}"):
        _wait_for_removals(store, name, version)
        yield


@contextmanager
def removing(store: Store, name: str, version: str) -> Iterator[Callable[[], None]]:
    """Keep a version from being published or promoted in the block.

    Yields:
        A function to call before each deletion: it renews the lease where it has become old.

    Raises:
        RegistryError: another process publishes or promotes the version just now.
    """
    prefix = f"{name}/{REMOVALS}/{version}"
    with _lease(store, prefix):
        holders = _live(store, f"{name}/{HOLDS}/{version}-", HOLD_SECONDS)
        if holders:
            raise RegistryError(
                f"{version} was not removed: {holders[0]} publishes or promotes it. Run again"
            )
        began = time.monotonic()

        def renew() -> None:
            nonlocal began
            if time.monotonic() - began > _RENEW_SECONDS:
                _write(store, prefix)  # it expires by itself, and so does the first
                began = time.monotonic()

        yield renew


def expired(store: Store, name: str) -> list[str]:
    """Return the keys that killed processes have left, and that have expired."""
    kinds = ((HOLDS, HOLD_SECONDS), (REMOVALS, REMOVAL_SECONDS))
    return [
        key
        for kind, seconds in kinds
        for key in store.list(f"{name}/{kind}/")
        if _holder(store, key, seconds) is None
    ]


@contextmanager
def _lease(store: Store, prefix: str) -> Iterator[None]:
    key = _write(store, prefix)
    try:
        yield
    except BaseException:
        with suppress(RegistryError):  # the first error counts; the key expires
            store.delete(key)
        raise
    store.delete(key)


def _write(store: Store, prefix: str) -> str:
    key = f"{prefix}-{uuid.uuid4().hex}.json"
    store.create(key, json_bytes({"by": user_and_host(), "at": utc_now()}))
    return key


def _wait_for_removals(store: Store, name: str, version: str) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    pause = 0.01
    while found := _live(store, f"{name}/{REMOVALS}/{version}-", REMOVAL_SECONDS):
        if time.monotonic() > deadline:
            raise RegistryError(
                f"{version} of {name} is being removed by {found[0]}. Run again when `lradapt "
                f"prune` has ended; if it was killed, in {REMOVAL_SECONDS / 60:g} minutes"
            )
        time.sleep(pause)
        pause = min(1.0, 2 * pause)


def _live(store: Store, prefix: str, seconds: float) -> list[str]:
    """Return who holds the leases with this prefix that have not expired."""
    holders = (_holder(store, key, seconds) for key in store.list(prefix))
    return [holder for holder in holders if holder]


def _holder(store: Store, key: str, seconds: float) -> str | None:
    """Return who holds a lease; None if it has expired or is gone."""
    try:
        content = json.loads(store.read(key).content)
        age = datetime.now(UTC) - datetime.fromisoformat(content["at"])
        return f"{content['by']} since {content['at']}" if age.total_seconds() < seconds else None
    except MissingError:
        return None
    except (ValueError, TypeError, KeyError):  # made by hand: it holds for nobody
        return None
