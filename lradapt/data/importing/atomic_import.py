"""Replace the images folder and `labels.csv` together, or change nothing."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import picks_of, write_labels
from lradapt.runtime.files import full_disk_as_error

Sink = Callable[[str], Path]
"""The target of an importer: `sink(name)` is the path to write, below a new folder."""


def replace_whole(
    images: Path, labels: Path, fill: Callable[[Sink], Iterable[LabelledImage]]
) -> list[LabelledImage]:
    """Fill a new folder beside `images`, and replace `images` and `labels` once it is complete.

    An error changes nothing. After a kill, the next import restores the previous images.

    `fill` writes images to the paths that its argument returns, and returns a label for each. How
    `lradapt queue` has picked an image stays in the labels: no source knows it.
    """
    fresh = images.with_name(f".{images.name}.importing")
    previous = images.with_name(f".{images.name}.previous")
    shutil.rmtree(fresh, ignore_errors=True)
    _recover(images, previous)

    def sink(name: str) -> Path:
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    try:
        with full_disk_as_error(images):
            found = _with_picks(fill(sink), labels)
        if images.exists():
            images.rename(previous)
        fresh.rename(images)
        try:
            write_labels(labels, found)
        except BaseException:
            images.rename(fresh)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _recover(images, previous)
    return found


def _with_picks(found: Iterable[LabelledImage], before: Path) -> list[LabelledImage]:
    picks = picks_of(before) if before.exists() else {}
    return [
        replace(label, queue=picks.get(label.image.rpartition("/")[2], label.queue))
        for label in found
    ]


def _recover(images: Path, previous: Path) -> None:
    """Restore `previous` where `images` is missing (an import was killed); else delete it."""
    if previous.exists() and not images.exists():
        previous.rename(images)
    shutil.rmtree(previous, ignore_errors=True)
