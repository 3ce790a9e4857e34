"""The files of recorded images that are labelled: they come from the queue, and go with an undo."""

from pathlib import Path

from lradapt.errors import DataError
from lradapt.review.recorded_queue import BELOW_IMAGES
from lradapt.runtime.files import sha256_of, write_bytes


class AddedImages:
    """The images folder of a project, and its queue."""

    def __init__(self, images: Path, queue: Path) -> None:
        """Keep the two folders."""
        self._images, self._queue = images, queue

    def bring(self, image: str) -> None:
        """Copy an image from the queue to its path below the images folder.

        Raises:
            DataError: it is no longer in the queue.
        """
        path = self._queue / _file_of(image)
        try:
            content = path.read_bytes()
        except FileNotFoundError as error:
            raise DataError(
                f"no {path}: nothing was labelled. Run `lradapt queue` again, or skip the image"
            ) from error
        write_bytes(self._images / image, content)

    def take_back(self, image: str) -> None:
        """Remove the copy of an image, if it is still what was copied."""
        path = self._images / image
        if path.exists() and sha256_of(path) == _file_of(image).partition(".")[0]:
            path.unlink()


def _file_of(image: str) -> str:
    folder, _, file = image.partition("/")
    assert folder == BELOW_IMAGES, image
    assert file, image
    return file
