"""The source of an import: a folder of files, and the labels that were found for them."""

from dataclasses import dataclass
from pathlib import Path

from lradapt.data.images.files import list_files
from lradapt.data.labelled_image import LabelledImage
from lradapt.errors import DataError, listed


@dataclass(frozen=True, slots=True)
class SourceLabels:
    """The labels of a source.

    Attributes:
        folder: of the files.
        labels: one for each image.
        left_behind: files without one (hidden, outside class folders, not in the table).
        notes: sentences on how the source was understood, for the user to check.
        licence: of images and labels; empty if it is not known.
        archive: that the folder is the content of, for messages; empty where it is none.
    """

    folder: Path
    labels: list[LabelledImage]
    left_behind: list[str]
    notes: tuple[str, ...] = ()
    licence: str = ""
    archive: str = ""

    @property
    def title(self) -> str:
        """The source as messages name it."""
        return self.archive or str(self.folder)


def files_of(folder: Path) -> list[str]:
    """List the files below a folder.

    Raises:
        DataError: no such folder, or it contains links to folders, which are not followed.
    """
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; expected the folder of the images")
    files = list_files(folder)
    links = [name for name in files if (folder / name).is_dir()]
    if links:
        raise DataError(
            f"{len(links)} link(s) to folders in {folder}, which are not followed; put the folders "
            "themselves there:\n" + listed(links)
        )
    return files
