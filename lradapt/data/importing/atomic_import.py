"""Replace the images folder and `labels.csv` together, or change nothing."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import picks_of, write_labels
from lradapt.errors import DataError
from lradapt.runtime.files import full_disk_as_error
from lradapt.runtime.system import disk

Sink = Callable[[str], Path]
"""The target of an importer: `sink(name)` is the path to write, below a new folder."""


def replace_whole(
    images: Path, labels: Path, fill: Callable[[Sink], Iterable[LabelledImage]]
) -> list[LabelledImage]:
    """Fill a new folder beside `images`, and replace `images` and `labels` once it is complete.

    An error changes nothing. After a kill, the next import restores the previous images, unless
    the new labels are in place too.

    `fill` writes images to the paths that its argument returns, and returns a label for each. How
    `lradapt queue` has picked an image stays in the labels: no source knows it.

    Raises:
        DataError: `images` is a link.
    """
    _refuse_link(images)
    step = _Step.beside(images, labels)
    step.recover()
    if step.previous.exists():
        shutil.rmtree(step.previous)  # an error names it; else it would come back as the images

    def sink(name: str) -> Path:
        path = step.fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    try:
        with full_disk_as_error(images):
            found = _with_picks(fill(sink), labels)
        write_labels(step.pending, found)
        step.commit()
    finally:
        step.recover()
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    """The step from the old images and labels to the new ones.

    The new labels are pending until they are renamed, which is the last change. So while they are,
    the previous images are those that count.

    Attributes:
        images, labels: to be replaced.
        fresh: the new images.
        previous: the old images, from the moment on when they are replaced.
        pending: the new labels.
    """

    images: Path
    labels: Path
    fresh: Path
    previous: Path
    pending: Path

    @classmethod
    def beside(cls, images: Path, labels: Path) -> "_Step":
        """Return the step with its temporary paths."""
        fresh = images.with_name(f".{images.name}.importing")
        previous = images.with_name(f".{images.name}.previous")
        return cls(images, labels, fresh, previous, labels.with_name(f".{labels.name}.importing"))

    def commit(self) -> None:
        """Replace images and labels."""
        if self.images.exists():
            self.images.rename(self.previous)
        else:
            self.previous.mkdir()  # there is always one to go back to
        self.fresh.rename(self.images)
        disk.replace(self.pending, self.labels)

    def recover(self) -> None:
        """Go back to the previous images if the new labels are pending, and remove the rest."""
        if self.previous.exists() and self.pending.exists() and self.images.exists():
            self.images.rename(self.fresh)
        if self.previous.exists() and not self.images.exists():
            self.previous.rename(self.images)
        self.pending.unlink(missing_ok=True)
        shutil.rmtree(self.fresh, ignore_errors=True)
        if self.previous.is_symlink():
            self.previous.unlink()
        shutil.rmtree(self.previous, ignore_errors=True)


def _refuse_link(images: Path) -> None:
    if images.is_symlink():
        raise DataError(
            f"{images} is a link to {images.readlink()}, and an import replaces the folder; "
            "nothing was imported. Remove the link, or put the folder itself there"
        )


def _with_picks(found: Iterable[LabelledImage], before: Path) -> list[LabelledImage]:
    picks = picks_of(before) if before.exists() else {}
    return [
        replace(label, queue=picks.get(label.image.rpartition("/")[2], label.queue))
        for label in found
    ]
