"""The recorder: a thread that writes answers into segments, and never makes one wait or fail.

Those who answer put a batch into a bounded backlog and go on. While the disk is full, read-only or
gone, the thread tries again every few seconds, with a new segment; what then has no room in the
backlog is dropped, and counted.
"""

import errno
import logging
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, takewhile
from pathlib import Path

from lradapt.recording.backlog import Backlog
from lradapt.recording.bounds import Bounds, remove_old
from lradapt.recording.names import fits
from lradapt.recording.rows import Batch, Row, rows_of
from lradapt.recording.segment import Segment

log = logging.getLogger(__name__)

BACKLOG_BYTES = 64_000_000
"""Of images that wait; what has been made of them may take as much again."""

_GATHER_SECONDS = 0.1  # answers of so long are written together
_WAKE_SECONDS = 1.0
_RETRY_SECONDS = 5.0
_TIDY_SECONDS = 60.0
_BATCH_BYTES = 8_000_000


@dataclass(frozen=True, slots=True)
class State:
    """What a recorder has done since its start, in images.

    Attributes:
        num_written: that are in the record.
        num_dropped: that are not, and will not be.
        num_waiting: that are still to be written.
        num_removed: segments that were removed because of the bounds.
        fault: why nothing can be written now; "" if it can.
    """

    num_written: int
    num_dropped: int
    num_waiting: int
    num_removed: int
    fault: str


class Recorder:
    """Writes the answers of one server into a folder.

    Attributes:
        folder: of the record.
    """

    def __init__(
        self,
        folder: Path,
        bounds: Bounds,
        *,
        with_images: bool = False,
        backlog_bytes: int = BACKLOG_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Keep where and how much to write; nothing is written before `start`.

        Args:
            folder: which may not exist yet.
            bounds: of the folder.
            with_images: whether the files of the images are kept.
            backlog_bytes: of the memory for what waits.
            now: the clock.
        """
        self.folder = folder
        self._bounds, self._with_images, self._now = bounds, with_images, now
        self._backlog_bytes = backlog_bytes
        self._backlog = Backlog(backlog_bytes, now)
        self._rows: deque[Row] = deque()
        self._row_bytes = 0
        self._segment: Segment | None = None
        self._num_written, self._num_removed, self._fault = 0, 0, ""
        self._retry_at, self._tidy_at = 0.0, 0.0  # monotonic
        self._without_features: set[str] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        """Begin; nothing here waits for the disk."""
        self._thread.start()

    def offer(self, batch: Batch) -> None:
        """Take the images of an answer, at once, whatever the state of the disk."""
        self._backlog.offer(batch)

    def close(self, seconds: float) -> None:
        """Write what waits, within some seconds, and end."""
        self._closing.set()
        self._backlog.close()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def state(self) -> State:
        """Return what was written and what was dropped."""
        return State(
            self._num_written,
            self._backlog.num_dropped,
            len(self._backlog) + len(self._rows),
            self._num_removed,
            self._fault or self._fault_of_thread(),
        )

    def _fault_of_thread(self) -> str:
        ended = self._thread.ident is not None and not self._thread.is_alive()
        if not ended or self._closing.is_set():
            return ""
        return (
            "the recorder has ended by an error of lradapt, which the log has; restart the server"
        )

    # The thread

    def _run(self) -> None:
        with self._disk():
            self.folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=self.folder).close()  # else it is known at the first answer
        while not self._closing.is_set():
            self._backlog.wait(_WAKE_SECONDS)
            self._closing.wait(_GATHER_SECONDS)
            self._work()
        self._retry_at = 0.0
        while (self._rows or len(self._backlog)) and self._work():
            pass
        with self._disk():
            self._close_segment()

    def _work(self) -> bool:
        """Do what is to be done now; return whether the disk has taken it."""
        self._prepare()
        if time.monotonic() < self._retry_at:
            return False
        with self._disk():
            self._write()
            self._tidy()
            return True
        return False

    def _prepare(self) -> None:
        """Make rows of what waits, unless there are as many already as the memory may hold."""
        if self._row_bytes > self._backlog_bytes:
            return
        rows = rows_of(self._backlog.take(_BATCH_BYTES), with_images=self._with_images)
        self._rows += rows
        self._row_bytes += sum(row.num_bytes for row in rows)

    def _write(self) -> None:
        if not self._rows:
            return
        while self._rows:
            segment = self._segment_for(self._rows[0])
            rows = self._first_rows(segment)
            for row in rows:
                if row.image_name:
                    segment.keep_image(row.image_name, row.image)
            segment.append(b"".join(row.line for row in rows))
            self._forget(len(rows))
            self._num_written += len(rows)
        self._recover()

    def _first_rows(self, segment: Segment) -> list[Row]:
        """Return the first rows that belong to a segment and have room in it: at least one."""
        room = self._bounds.segment_bytes - segment.total_bytes
        ends = accumulate(row.num_bytes for row in self._rows)
        pairs = zip(self._rows, ends, strict=True)
        fit = takewhile(lambda p: p[1] <= room and segment.takes(p[0].header, p[0].time), pairs)
        return [row for row, _ in fit] or [self._rows[0]]

    def _forget(self, count: int) -> None:
        self._row_bytes -= sum(self._rows.popleft().num_bytes for _ in range(count))

    def _segment_for(self, row: Row) -> Segment:
        """Return the open segment, or a new one where it does not take the row."""
        if self._segment is not None and not self._takes(self._segment, row):
            self._close_segment()
        if self._segment is None:
            self._tell_of_features(row)
            self._remove_old(self._bounds.segment_bytes)
            self._segment = Segment(self.folder, row.header, row.time)
        return self._segment

    def _takes(self, segment: Segment, row: Row) -> bool:
        if not segment.is_there():
            log.warning("%s was removed while it was written", self.folder / segment.name)
            return False
        has_room = segment.total_bytes + row.num_bytes <= self._bounds.segment_bytes
        return has_room and segment.takes(row.header, row.time)

    def _close_segment(self) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            segment.close()

    def _tidy(self) -> None:
        """Close a segment whose time is over, and remove old ones now and then."""
        if self._segment is not None and not fits(self._now(), self._segment.name):
            self._close_segment()
        if time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + _TIDY_SECONDS
            self._remove_old(0)

    def _remove_old(self, room: int) -> None:
        removed = remove_old(self.folder, self._bounds, self._now(), room=room)
        self._num_removed += len(removed)

    def _tell_of_features(self, row: Row) -> None:
        version = row.header.version
        if row.header.num_features or version in self._without_features:
            return
        self._without_features.add(version)
        log.warning(
            "version %s gives no features: the record has its probabilities alone. Export it again "
            "with this version of lradapt (`dvc repro export`) for features",
            version,
        )

    # Faults of the disk

    @contextmanager
    def _disk(self) -> Iterator[None]:
        """Keep an error of the disk as the fault, and try again later with a new segment."""
        try:
            yield
        except OSError as error:
            self._retry_at = time.monotonic() + _RETRY_SECONDS
            fault = _in_words(self.folder, error)
            if fault != self._fault:
                log.warning("%s", fault)
            self._fault = fault
            with suppress(OSError):
                self._close_segment()

    def _recover(self) -> None:
        if self._fault:
            dropped = self._backlog.num_dropped
            log.warning("%s: the record is written again; dropped: %d", self.folder, dropped)
        self._fault = ""


def _in_words(folder: Path, error: OSError) -> str:
    remedies = {
        errno.ENOSPC: "free some space, or lower --record-megabytes",
        errno.EDQUOT: "free some space, or lower --record-megabytes",
        errno.EROFS: "mount the disk writable, or record elsewhere",
        errno.EACCES: "give the user of the server the right to write there",
        errno.ENOENT: "the folder is gone: mount its disk, or make it again",
        errno.EEXIST: "name a folder for the record, not a file",
        errno.ENOTDIR: "name a folder for the record, not a path below a file",
    }
    remedy = remedies.get(error.errno or 0, "look at the disk")
    return (
        f"answers are not recorded in {folder}: {error.strerror or error}; {remedy}. The server "
        "goes on, and what fits into its memory is written later"
    )
