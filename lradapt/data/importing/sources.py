"""What a person has: a folder of files, and the labels that were found for some of them."""

from dataclasses import dataclass
from pathlib import Path

from lradapt.data.images.files import list_files
from lradapt.data.labels import Label
from lradapt.errors import DataError, listed


@dataclass(frozen=True, slots=True)
class Found:
    """Labels of a source's images.

    Attributes:
        labels: a line for each image.
        left_behind: files that have none (hidden, outside class folders, not in the table).
    """

    labels: list[Label]
    left_behind: list[str]


def files_of(folder: Path) -> list[str]:
    """The files below a folder, by name.

    Raises:
        DataError: it is no folder, or holds links to folders, which are not followed.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; expected the folder that holds the images")
    files = list_files(folder)
    links = [name for name in files if (folder / name).is_dir()]
    if links:
        raise DataError(
            f"{len(links)} link(s) to folders in {folder} are not followed; "
            "put the folders themselves there:\n" + listed(links)
        )
    return files
