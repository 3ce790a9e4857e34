"""A new images folder and its `labels.csv`, both whole, or what was there before."""

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

from lradapt.data.labels import Label, write_labels
from lradapt.runtime.files import full_disk_as_error


class Sink(Protocol):
    """Where an importer puts an image: `sink(name)` is the path to write, below a fresh folder."""

    def __call__(self, name: str) -> Path:
        """The path to write for `name`."""
        ...


def replace_whole(
    images: Path, labels: Path, fill: Callable[[Sink], Iterable[Label]]
) -> list[Label]:
    """Fill a fresh folder beside `images`, and swap it in with its labels once it is whole.

    An error leaves what was there; so does a kill, which the next import mends.

    Args:
        images: the folder; may be missing.
        labels: `labels.csv`.
        fill: puts images where its argument says, and returns a label for each.
    """
    fresh = images.with_name(f".{images.name}.importing")
    former = images.with_name(f".{images.name}.former")
    shutil.rmtree(fresh, ignore_errors=True)
    _recover(images, former)

    def sink(name: str) -> Path:
        path = fresh / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    try:
        with full_disk_as_error(images):
            found = list(fill(sink))
        if images.exists():
            images.rename(former)
        fresh.rename(images)
        try:
            write_labels(labels, found)
        except BaseException:
            images.rename(fresh)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _recover(images, former)
    return found


def _recover(images: Path, former: Path) -> None:
    """Put `former` back where `images` is gone (an import was killed); else drop it."""
    if former.exists() and not images.exists():
        former.rename(images)
    shutil.rmtree(former, ignore_errors=True)
