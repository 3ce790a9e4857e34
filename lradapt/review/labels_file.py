"""`labels.csv` under review: read again when others have written it, and replaced as a whole."""

import shutil
from pathlib import Path

from lradapt.errors import DataError
from lradapt.review.label_lines import LabelLines, parse_lines
from lradapt.runtime.files import whole_file
from lradapt.runtime.system.disk import flush


class LabelsFile:
    """A `labels.csv`, as it was read or written last.

    Raises:
        DataError, OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content = b""
        self._state: tuple[int, ...] = ()
        self.read()

    @property
    def lines(self) -> LabelLines:
        """The labels."""
        return self._lines

    def refresh(self) -> bool:
        """Read the file if it was replaced or edited; return whether its content has changed.

        Raises:
            DataError, OSError: it cannot be read.
        """
        return _state_of(self.path) != self._state and self.read()

    def read(self) -> bool:
        """Read the file, whatever its time and size say; return whether its content has changed.

        Raises:
            DataError, OSError: it cannot be read.
        """
        state = _state_of(self.path)
        content = self.path.read_bytes()
        changed = content != self._content
        if changed:
            self._lines, self._content = parse_lines(content, self.path), content
        self._state = state
        return changed

    def write(self, lines: LabelLines) -> None:
        """Replace the file, and write it to the disk; its mode stays."""
        content = lines.content
        with whole_file(self.path) as partial:
            partial.write_bytes(content)
            shutil.copymode(self.path, partial)
            flush(partial)
        flush(self.path.parent)
        self._lines, self._content, self._state = lines, content, _state_of(self.path)


def _state_of(path: Path) -> tuple[int, ...]:
    """Return what tells whether a file was replaced or edited."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise DataError(
            f"no {path}: import images and labels with `lradapt import` first"
        ) from error
    return (found.st_ino, found.st_size, found.st_mtime_ns)
