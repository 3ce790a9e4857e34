"""Several files written into a folder: all of them, or none."""

import os
from collections.abc import Mapping
from pathlib import Path

from lradapt.runtime.files import write_bytes


def write_new_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder; after an error remove them, and the folders made for them.

    Args:
        folder: is made where it is missing.
        files: path in the folder -> content; none of them exists yet.
    """
    made: list[Path] = []
    try:
        for path, content in files.items():
            place = folder / path
            made += _missing_folders(place.parent)
            write_bytes(place, content)
            made.append(place)
    except BaseException:
        _remove(made)
        raise


def _missing_folders(folder: Path) -> list[Path]:
    """Return the folder and those around it that do not exist, the outermost first."""
    return [each for each in (*reversed(folder.parents), folder) if not each.exists()]


def _remove(made: list[Path]) -> None:
    for path in reversed(made):
        if path.is_dir():
            os.rmdir(path)
        else:
            path.unlink(missing_ok=True)
