"""Labels from the metadata of a Hugging Face `imagefolder`: `metadata.csv` or `metadata.jsonl`.

Each has a column `file_name`, a path below its own folder, and a column of the class. They are in
the folder of each split (`train/metadata.csv`), or one for all is at the top. Numbers of classes
are read by the names in the header of `README.md`, where a data set has them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from lradapt.data.importing.dataset_card import read_card
from lradapt.data.importing.from_table import label_lines
from lradapt.data.importing.source_labels import SourceLabels, files_of
from lradapt.data.importing.split_names import read_split_names
from lradapt.data.importing.table_columns import GivenColumns
from lradapt.data.importing.table_text import read_table
from lradapt.data.labelled_image import TRAIN
from lradapt.data.labels import as_read, require_columns
from lradapt.errors import DataError, listed

if TYPE_CHECKING:
    import pandas as pd

_IMAGE, _SPLIT = "file_name", "split by folder"
_READ, _NOT_READ = ("metadata.csv", "metadata.jsonl"), "metadata.parquet"


def label_imagefolder(folder: Path, given: GivenColumns) -> SourceLabels:
    """Label the files of an `imagefolder` by its metadata; nothing is written.

    Args:
        folder: the data set.
        given: columns of the metadata, and folder -> split where the names do not tell; the
            column of the image is `file_name`.

    Raises:
        DataError: no metadata, or in two formats, or with faults; the message names all.
    """
    names = _metadata(folder)
    card = read_card(folder)
    tables = [_table(folder, name) for name in names]
    lines, places = _joined(tables, names)
    notes = [f"read as a Hugging Face imagefolder, by {', '.join(names)}"]
    given = replace(given, image=_IMAGE, image_is_fixed=True)
    if not given.split and (folders := _split_folders(list(lines[_IMAGE]), given.splits)):
        lines[_SPLIT] = folders
        given = replace(given, split=_SPLIT)
    notes += _name_classes(lines, card.class_names)
    table = folder / names[0] if len(names) == 1 else folder
    found = label_lines(lines, table, folder, given, notes, places)
    left = [name for name in found.left_behind if name not in names]
    return replace(found, left_behind=left, licence=card.licence)


def _metadata(folder: Path) -> list[str]:
    """Return the files of metadata, which are all of one format."""
    files = [name for name in files_of(folder) if not _hidden(name)]
    found = [name for name in files if PurePosixPath(name).name in (*_READ, _NOT_READ)]
    formats = sorted({PurePosixPath(name).name for name in found})
    if not found:
        raise DataError(
            f"{folder} has no {' and no '.join(_READ)}; for a folder of images for each class, "
            f"without metadata: `lradapt import folder {folder}`"
        )
    if _NOT_READ in formats:
        raise DataError(
            f"{folder} has {_NOT_READ}, which is not read; write it as metadata.csv "
            "(pandas.read_parquet(...).to_csv(..., index=False))"
        )
    if len(formats) > 1:
        raise DataError(f"{folder} has metadata in two formats; keep one:\n{listed(found)}")
    return found


def _hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _table(folder: Path, name: str) -> "pd.DataFrame":
    """Return the lines of one file of metadata, with paths below `folder`."""
    path = folder / name
    lines = _read_json_lines(path) if path.suffix == ".jsonl" else read_table(path)[0]
    require_columns(lines, [_IMAGE], path)
    parent = PurePosixPath(name).parent
    lines[_IMAGE] = [(parent / cell).as_posix() if cell else "" for cell in lines[_IMAGE]]
    return lines


def _read_json_lines(path: Path) -> "pd.DataFrame":
    """Return a table of text as `read_table` does, of an object on each line.

    Raises:
        DataError: not UTF-8, or lines that are no object; the message names all.
    """
    import pandas as pd

    try:
        texts = path.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not text in UTF-8 ({error})") from error
    rows = {number: _object(text) for number, text in enumerate(texts) if text.strip()}
    faults = [f"line {number + 1}" for number, row in rows.items() if row is None]
    if faults:
        raise DataError(f"{path} has lines that are no object of JSON:\n{listed(faults)}")
    cells = [{as_read(key): _cell(v) for key, v in row.items()} for row in rows.values() if row]
    # the index of a table with a header: line 1 of this file is row -1
    index = [number - 1 for number, row in rows.items() if row]
    return pd.DataFrame(cells, index=index).fillna("")


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return as_read(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _joined(
    tables: Sequence["pd.DataFrame"], names: Sequence[str]
) -> tuple["pd.DataFrame", list[str]]:
    """Return the lines of all tables, and the place of each for messages."""
    import pandas as pd

    places = [
        f"{name} line {int(row) + 2}"
        for name, table in zip(names, tables, strict=True)
        for row in table.index
    ]
    return pd.concat(tables, ignore_index=True).fillna(""), places


def _split_folders(images: Sequence[str], splits: Mapping[str, str] | None) -> list[str]:
    """Return the folder of each image that is its split; empty where no level of folders is."""
    paths = [name.split("/")[:-1] for name in images]
    for level in range(min(map(len, paths), default=0)):
        folders = [path[level] for path in paths]
        known = splits if splits else read_split_names(set(folders))
        found = {known.get(name) for name in folders}
        if None not in found and TRAIN in found and len(found) > 1:
            return folders
    return []


def _name_classes(lines: "pd.DataFrame", class_names: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Write the names of classes in place of their numbers; return a note on each column.

    Raises:
        DataError: cells that are neither a number nor a name of the header.
    """
    columns = [column for column in class_names if column in lines.columns]
    faults = [
        f"{cell!r} in column {column!r}"
        for column in columns
        for cell in sorted(set(lines[column]) - {"", *class_names[column].values()})
        if cell not in class_names[column]
    ]
    if faults:
        raise DataError(
            "README.md names the classes, but not these of the metadata; correct either:\n"
            + listed(faults)
        )
    for column in columns:
        lines[column] = [class_names[column].get(cell, cell) for cell in lines[column]]
    return [f"the classes in {column!r} are named by README.md" for column in columns]
