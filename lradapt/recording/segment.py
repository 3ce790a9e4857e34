"""A segment that is being written: complete lines alone, whatever the disk does.

The file is locked while it is open, so that another process can tell it from one that a killed
process has left.
"""

import fcntl
import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from lradapt.recording.lines import Header, header_line
from lradapt.recording.names import fits, images_of, new_name


class Segment:
    """A new segment, to which lines are appended.

    Attributes:
        name: below the folder of the record.
        header: its first line.
        num_bytes: of its complete lines.
        image_bytes: of the images beside it.
    """

    def __init__(self, folder: Path, header: Header, opened: datetime) -> None:
        """Create the file, with the header.

        The folder itself is made, but not the ones above it: a record whose disk is gone must not
        begin again below its mount point.

        Raises:
            OSError: the disk is full, read-only or gone; there is no file then.
        """
        self.name, self.header = new_name(opened), header
        self.num_bytes, self.image_bytes = 0, 0
        self._folder, self._path = folder, folder / self.name
        folder.mkdir(exist_ok=True)
        self._path.parent.mkdir(exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW
        self._file = os.open(self._path, flags, 0o640)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.append(header_line(header))
        except OSError:
            os.close(self._file)
            self._path.unlink(missing_ok=True)
            raise
        self._header_bytes = self.num_bytes

    @property
    def total_bytes(self) -> int:
        """Of its lines and its images."""
        return self.num_bytes + self.image_bytes

    def takes(self, header: Header, time: datetime) -> bool:
        """Return whether a line of this time and this model belongs to this segment."""
        return header == self.header and fits(time, self.name)

    def is_there(self) -> bool:
        """Return whether the file still has its name: somebody may have removed the folder."""
        try:
            return os.path.samestat(os.fstat(self._file), self._path.stat(follow_symlinks=False))
        except OSError:
            return False

    def append(self, lines: bytes) -> None:
        """Write complete lines; after an error, what was written of them is taken back.

        Raises:
            OSError: see `__init__`.
        """
        try:
            _write_all(self._file, lines)
        except OSError:
            with suppress(OSError):  # else the reader skips a line that is cut
                os.ftruncate(self._file, self.num_bytes)
            raise
        self.num_bytes += len(lines)

    def keep_image(self, name: str, content: bytes) -> None:
        """Write an image beside the segment, whole or not at all; one that is there stays.

        Raises:
            OSError: see `__init__`.
        """
        path = self._folder / images_of(self.name) / name
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{name}.partial")
        try:
            partial.write_bytes(content)
            partial.replace(path)
        except OSError:
            with suppress(OSError):
                partial.unlink()
            raise
        self.image_bytes += len(content)

    def close(self) -> None:
        """Close the file, on the disk; one without an answer is removed, with its images.

        Raises:
            OSError: the disk did not take it; the file is closed all the same.
        """
        try:
            if self.num_bytes == self._header_bytes:
                shutil.rmtree(self._folder / images_of(self.name), ignore_errors=True)
                self._path.unlink(missing_ok=True)
            else:
                os.fsync(self._file)
        finally:
            os.close(self._file)


def is_being_written(path: Path) -> bool:
    """Return whether a process, perhaps this one, has the segment open for writing.

    Raises:
        FileNotFoundError: there is no such file.
    """
    file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
