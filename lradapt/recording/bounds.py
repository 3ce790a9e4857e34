"""The bounds of a record: segments that are too old, or too many, go with their images."""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lradapt.recording.names import images_of, opening_time
from lradapt.recording.segment import is_being_written
from lradapt.runtime.system import file_locks


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long, and how much, is kept.

    Attributes:
        days: after which a segment is removed.
        max_bytes: of all segments and images together.
    """

    days: float
    max_bytes: int

    @property
    def segment_bytes(self) -> int:
        """At most, of one segment with its images: a small part of all, since it goes as one."""
        return min(self.max_bytes // 8, 64_000_000)


def to_remove(
    sizes: Mapping[str, int], bounds: Bounds, now: datetime, *, room: int = 0
) -> list[str]:
    """Return the segments that must go, the oldest first.

    Args:
        sizes: name -> bytes of each segment with its images.
        bounds: of the record.
        now: with a time zone.
        room: bytes that must be free after that.
    """
    oldest_day = _days_before(now, bounds.days)
    excess = sum(sizes.values()) + room - bounds.max_bytes
    found: list[str] = []
    for name in sorted(sizes):
        opened = opening_time(name)
        if excess <= 0 and (opened is None or opened >= oldest_day):
            continue
        found.append(name)
        excess -= sizes[name]
    return found


def _days_before(now: datetime, days: float) -> datetime:
    """Return the time so many days ago; the first of the calendar, if it is before that."""
    try:
        return now - timedelta(days=days)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def segment_sizes(folder: Path) -> dict[str, int]:
    """Return name -> bytes of each segment in a folder, with its images."""
    found: dict[str, int] = {}
    for path in folder.glob("*/*.jsonl"):
        name = f"{path.parent.name}/{path.name}"
        if opening_time(name) is not None:
            images = list(folder.joinpath(images_of(name)).glob("*"))
            found[name] = sum(_size(each) for each in (path, *images))
    return found


def remove_old(folder: Path, bounds: Bounds, now: datetime, *, room: int = 0) -> list[str]:
    """Remove the segments of a folder that must go, and return their names.

    One that is being written, by any process, stays.

    Raises:
        OSError: the folder cannot be read, or a file in it not be removed.
    """
    removed = []
    for name in to_remove(segment_sizes(folder), bounds, now, room=room):
        with suppress(FileNotFoundError):  # another process has removed it
            if not is_being_written(folder / name):
                remove_segment(folder, name)
                removed.append(name)
    return removed


def remove_segment(folder: Path, name: str) -> None:
    """Remove a segment with its images, and the folders of its day if they are empty.

    The images go first: without its segment nobody would find them again.

    Raises:
        OSError: see `remove_old`.
    """
    images = folder / images_of(name)
    with suppress(FileNotFoundError):
        shutil.rmtree(images)
    (folder / name).unlink(missing_ok=True)
    file_locks.forget(folder / name)
    for day in (images.parent, (folder / name).parent):
        with suppress(OSError):  # not empty
            os.rmdir(day)


def _size(path: Path) -> int:
    try:
        return path.stat(follow_symlinks=False).st_size
    except FileNotFoundError:  # removed since
        return 0
