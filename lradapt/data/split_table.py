"""`split.csv`: the images that take part, each with its row of pixels and its split."""

import csv
from collections.abc import Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

from lradapt.data.labelled_image import LabelledImage
from lradapt.runtime.files import write_csv

_COLUMNS = ("row", "image", "label", "group", "pixel_sha256", "split")
_JOINED = "joined"


def write_split(path: Path, images: Iterable[LabelledImage]) -> None:
    """Write `split.csv`; its column `joined` only where an image has a value."""
    rows = list(images)
    columns = (*_COLUMNS, _JOINED) if any(image.joined for image in rows) else _COLUMNS
    write_csv(path, columns, map(attrgetter(*columns), rows))


def read_split(path: Path) -> list[LabelledImage]:
    """Read a `split.csv`."""
    with path.open(encoding="utf-8", newline="") as file:
        lines: Iterable[dict[str, Any]] = csv.DictReader(file)
        return [LabelledImage(**line | {"row": int(line["row"])}) for line in lines]
