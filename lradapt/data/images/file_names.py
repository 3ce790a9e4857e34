"""Names of image files that tables cannot hold: with control characters, or two for one line."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from unicodedata import normalize

from lradapt.errors import DataError, listed
from lradapt.text import letters_fault


def require_plain_names(where: Path | str, names: Iterable[str]) -> None:
    """Check that each file has a name of its own in `labels.csv`.

    Args:
        where: the files are, for the message.
        names: paths below it, with forward slashes.

    Raises:
        DataError: names have control characters, or are one name in Unicode's composed form (NFC)
            without surrounding space, as `labels.csv` is read; the message names all.
    """
    files_of: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        files_of[normalize("NFC", name).strip()].append(name)
    faults = [
        fault for files in files_of.values() for name in files if (fault := file_name_fault(name))
    ]
    faults += [_shared(name, files) for name, files in files_of.items() if len(files) > 1]
    if faults:
        raise DataError(
            f"{len(faults)} fault(s) in the names of the files in {where}, each of which needs a "
            f"line of its own in labels.csv:\n{listed(faults)}"
        )


def file_name_fault(name: str) -> str:
    """Return what is wrong with the name of a file; "" for nothing."""
    return letters_fault("file name", name, "rename the file")


def _shared(name: str, files: list[str]) -> str:
    """Return that several files have one name; as ASCII, since they look the same."""
    return (
        f"{len(files)} files are {name} in Unicode's form NFC: {', '.join(map(ascii, files))}; "
        "rename them"
    )
