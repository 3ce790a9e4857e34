"""The upload of a record: closed segments of a local folder go into a store, and out of the folder.

Segments that a killed server has left in the folder go too. While the store does not answer, they
wait there, within the bounds of the folder.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from lradapt.recording.bounds import Bounds, remove_segment, segment_sizes, to_remove
from lradapt.recording.names import images_of, opening_time
from lradapt.recording.segment import is_being_written
from lradapt.registry.store import ExistsError, RegistryError, Store, for_each

log = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0
_RETRY_SECONDS = 30.0
_TIDY_SECONDS = 3600.0


class Uploads:
    """A thread that uploads.

    Attributes:
        fault: why the last upload failed; "" if it did not.
        num_uploaded: segments, since the start.
        num_waiting: segments in the folder at the last look, the one that is being written too.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        bounds: Bounds,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Keep from where to where; `bounds` are those of the store, `now` is the clock."""
        self._folder, self._store, self._bounds, self._now = folder, store, bounds, now
        self.fault, self.num_uploaded, self.num_waiting = "", 0, 0
        self._tidy_at = 0.0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="record uploads", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self, seconds: float) -> None:
        """Upload what is closed, within some seconds, and end; the rest waits for the next start.

        Call it when the recorder has closed its last segment.
        """
        self._closing.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._closing.wait(_RETRY_SECONDS if self.fault else _LOOK_SECONDS):
            self._look()
        self._look()

    def _look(self) -> None:
        """Upload and tidy; keep a failure, and log it once."""
        try:
            self.num_waiting = len(segment_sizes(self._folder))
            done = upload_closed(self._folder, self._store)
            self.num_uploaded += len(done)
            self.num_waiting -= len(done)
            if time.monotonic() >= self._tidy_at:
                remove_old_keys(self._store, self._bounds, self._now())
                self._tidy_at = time.monotonic() + _TIDY_SECONDS
            if self.fault:
                log.warning("%s: the record is uploaded again", self._store.location)
            self.fault = ""
        except (RegistryError, OSError) as error:
            fault = f"the record waits in {self._folder}: {error}"
            if fault != self.fault:
                log.warning("%s", fault)
            self.fault = fault


def upload_closed(folder: Path, store: Store) -> list[str]:
    """Upload the segments that nobody writes to, the oldest first; return their names.

    Each is removed from the folder once it is in the store.

    Raises:
        RegistryError: the store does not take one.
        OSError: the folder cannot be read or written.
    """
    done = []
    for name in sorted(segment_sizes(folder)):
        with suppress(FileNotFoundError):  # too old, and removed since
            if not is_being_written(folder / name):
                _upload(folder, name, store)
                remove_segment(folder, name)
                done.append(name)
    return done


def remove_old_keys(store: Store, bounds: Bounds, now: datetime) -> list[str]:
    """Remove the segments of a store that must go, with their images; return their names.

    Raises:
        RegistryError: the store does not answer, or does not permit it.
    """
    sizes = store.sizes("")
    segments = {key: size for key, size in sizes.items() if opening_time(key) is not None}
    images: dict[str, list[str]] = {name: [] for name in segments}
    for key, size in sizes.items():
        name = key.removeprefix("images/").rpartition("/")[0] + ".jsonl"
        if name in segments and key.startswith(images_of(name)):
            images[name].append(key)
            segments[name] += size
    removed = to_remove(segments, bounds, now)
    for name in removed:
        for_each(store.delete, images[name])
        store.delete(name)
    return removed


def _upload(folder: Path, name: str, store: Store) -> None:
    """Upload a segment after its images, so that a reader of the segment finds them."""
    images = sorted((folder / images_of(name)).glob("[!.]*"))
    for_each(lambda path: _create(store, f"{images_of(name)}{path.name}", path), images)
    _create(store, name, folder / name)


def _create(store: Store, key: str, path: Path) -> None:
    with suppress(ExistsError):  # uploaded, and killed before it was removed here
        store.create(key, path.read_bytes())
