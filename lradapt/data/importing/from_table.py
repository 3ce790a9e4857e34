"""Labels from a CSV file that names images, with or without the extension."""

import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lradapt.data.importing.sources import SourceLabels, files_of
from lradapt.data.labelled_image import LabelledImage
from lradapt.data.labels import leads_outside, read_csv, require_columns
from lradapt.errors import DataError, listed


def label_table(
    table: Path,
    *,
    folder: Path,
    image_column: str,
    label_column: str,
    group_column: str | None,
) -> SourceLabels:
    """Label files of `folder` by the lines of a table; nothing is written.

    Raises:
        DataError: no line, a missing column, a line without a label, a name that leads outside
            `folder`, fits no file or several, or is repeated; the message names all of them.
    """
    lines = read_csv(table)
    columns = [image_column, label_column, *([group_column] if group_column else [])]
    require_columns(lines, columns, table)
    if lines.empty:
        raise DataError(f"{table} has no lines below its header, expected one for each image")
    files = files_of(folder)
    found, faults = _matched(lines[columns].itertuples(), _Finder(folder, files))
    repeats = [
        image for image, count in Counter(label.image for label in found).items() if count > 1
    ]
    faults += [f"{image}: named in more than one line" for image in repeats]
    if faults:
        raise DataError(
            f"{table} has {len(faults)} fault(s) in {len(lines)} lines; correct or remove them:\n"
            + listed(faults)
        )
    return SourceLabels(folder, found, sorted(set(files) - {label.image for label in found}))


def _matched(lines: Iterable[Any], find: "_Finder") -> tuple[list[LabelledImage], list[str]]:
    found, faults = [], []
    for row, name, label, *group in lines:
        try:
            if not label:
                raise DataError("has no label")
            found.append(LabelledImage(find(name), label, *group))
        except DataError as error:
            faults.append(f"line {row + 2} ({name}): {error}")
    return found, faults


class _Finder:
    """Finds a file of a folder by its path in NFC, or by its path without the extension."""

    def __init__(self, folder: Path, files: Iterable[str]) -> None:
        self._folder = folder
        self._names: dict[str, list[str]] = {}
        for name in files:
            for key in {name, str(Path(name).with_suffix("").as_posix())}:
                self._names.setdefault(unicodedata.normalize("NFC", key), []).append(name)

    def __call__(self, name: str) -> str:
        if not name or leads_outside(name):
            raise DataError(
                "the path leads outside the images folder" if name else "the image is empty"
            )
        names = self._names.get(name, [])
        if len(names) == 1:
            return names[0]
        exact = [found for found in names if unicodedata.normalize("NFC", found) == name]
        if len(exact) == 1:
            return exact[0]
        raise DataError(
            "several files fit: " + ", ".join(names) if names else f"no such file in {self._folder}"
        )
