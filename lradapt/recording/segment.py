"""A segment that is being written: complete lines alone, whatever the disk does.

The file is locked while it is open, so that another process can tell it from one that a killed
process has left.
"""

import os
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from lradapt.recording.lines import Header, header_line
from lradapt.recording.names import fits, images_of, new_name
from lradapt.runtime.system.locked_file import LockedFile, is_locked


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
        # Nobody may find it before it is locked: it would seem to be left by a killed process.
        self._file = LockedFile(self._path, 0o640)
        try:
            self.append(header_line(header))
            self._file.show()
        except OSError:
            self._file.discard()
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
            found = self._path.stat(follow_symlinks=False)
            return os.path.samestat(os.fstat(self._file.descriptor), found)
        except OSError:
            return False

    def append(self, lines: bytes) -> None:
        """Write complete lines; after an error, what was written of them is taken back.

        Raises:
            OSError: see `__init__`.
        """
        try:
            _write_all(self._file.descriptor, lines)
        except OSError:
            with suppress(OSError):  # else the reader skips a line that is cut
                os.ftruncate(self._file.descriptor, self.num_bytes)
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
        is_empty = self.num_bytes == self._header_bytes
        try:
            if is_empty:
                shutil.rmtree(self._folder / images_of(self.name), ignore_errors=True)
            else:
                os.fsync(self._file.descriptor)
        finally:
            self._file.close(remove=is_empty)


def is_being_written(path: Path) -> bool:
    """Return whether a process, perhaps this one, has the segment open for writing.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return is_locked(path)


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]
