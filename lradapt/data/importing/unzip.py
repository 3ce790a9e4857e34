"""Unpack an archive that others made: nothing outside of the folder, no links, no bomb."""

import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

from lradapt.data.label_faults import leads_outside
from lradapt.errors import DataError, listed
from lradapt.runtime.files import full_disk_as_error

_MOST_TIMES = 50  # larger than the archive: images are compressed already
_ALWAYS_ALLOWED = 256 * 2**20  # bytes


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """Yield a folder as it is, or a temporary folder with the content of a zip file.

    Raises:
        DataError: no such path, no zip file, encrypted, damaged, far larger than its file, or with
            links or names that lead outside of the folder; the message names all of these.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lradapt-unzip-") as folder:
        with full_disk_as_error(Path(folder)):
            _unpack(path, Path(folder))
        yield Path(folder)


def _unpack(path: Path, folder: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _require_safe(path, members)
            for member in members:
                archive.extract(member, folder)
    except FileNotFoundError as error:
        raise DataError(
            f"no folder and no file {path}; expected an exported folder, or its zip file"
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{path} is not a whole zip file ({error}); export it again") from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        raise DataError(
            f"{path} has a file and a folder of one name, {error.filename}; rename one"
        ) from error
    except (RuntimeError, NotImplementedError) as error:  # a password, or another compression
        raise DataError(
            f"{path} cannot be unpacked ({error}); unpack it, and give the folder"
        ) from error


def _require_safe(path: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    size, limit = sum(m.file_size for m in members), _MOST_TIMES * path.stat().st_size
    if size > max(limit, _ALWAYS_ALLOWED):
        raise DataError(
            f"{path} says that it holds {size / 2**20:,.0f} MiB, over {_MOST_TIMES} times its own "
            "size, which images do not; if that is right, unpack it, and give the folder"
        )
    faults = [f"{member.filename}: {fault}" for member in members if (fault := _fault(member))]
    names = Counter(_target(member) for member in members)
    faults += [
        f"{name}: {count} files have this name" for name, count in names.items() if count > 1
    ]
    if faults:
        raise DataError(f"{path} has {len(faults)} fault(s):\n{listed(faults)}")


def _target(member: zipfile.ZipInfo) -> str:
    """Return the path to which a member is unpacked, in NFC, without `.` and empty parts."""
    parts = normalize("NFC", member.filename.replace("\\", "/")).split("/")
    return "/".join(part for part in parts if part not in ("", "."))


def _fault(member: zipfile.ZipInfo) -> str:
    mode = member.external_attr >> 16
    if mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "a link, or no regular file; put the file itself there"
    return "leads outside the folder" if leads_outside(member.filename) else ""
