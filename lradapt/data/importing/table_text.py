"""Tables of other programs as text: their encoding and their separator are found."""

import csv
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from lradapt.data.labels import not_a_table, parse_csv
from lradapt.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_LOOK_AT = 50  # lines
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[^\S\t\r\n]*(?:\r\n|\r|\n)', re.I)
"""What Excel reads as the separator, in a line before the header."""
_BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def read_table(path: Path) -> tuple["pd.DataFrame", list[str]]:
    """Read a table as `labels.read_csv` does, also in UTF-16 or Latin-1, or with semicolons.

    Returns:
        The table, whose index is the number of lines between its header and the line, and one more
        where a line `sep=;` comes before the header; and a note for each thing that was found out.

    Raises:
        DataError: missing, or no table of text.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"no file {path}; expected a table that names the images") from error
    text, encoding = _decoded(content, path)
    first = _SEPARATOR_LINE.match(text)
    text = text[first.end() :] if first else text
    separator = first[1] if first else _separator(text)
    notes = []
    if encoding:
        notes.append(f"{path.name} is not UTF-8; read as {encoding}")
    if separator != ",":
        between = _SEPARATORS.get(separator, repr(separator))
        notes.append(f"{path.name} has {between} between its columns")
    table = parse_csv(io.StringIO(text, newline=""), path, separator)
    return (table.set_index(table.index + 1) if first else table), notes


def _decoded(content: bytes, path: Path) -> tuple[str, str]:
    """Return the text, and the encoding where it is not UTF-8."""
    wide = _wide_encoding(content)
    try:
        return content.decode(wide or "utf-8-sig"), wide.upper()
    except UnicodeDecodeError as error:
        if wide or _BINARY.search(content):
            raise not_a_table(path, error) from error
    try:
        return content.decode("cp1252"), "Windows-1252 (Latin-1): check its accents"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1: check its accents"


def _wide_encoding(content: bytes) -> str:
    """Return the name of UTF-16 where the content is in it, by its mark or its zeros; else ""."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    start = content[:200]
    if len(start) < 4 or len(content) % 2:
        return ""
    zeros = [start[first::2].count(0) / (len(start) / 2) for first in (0, 1)]
    if max(zeros) < 0.7 or min(zeros) > 0.1:
        return ""
    return "utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"


def _separator(text: str) -> str:
    """Return the separator that gives each line as many cells as the header; a comma if any do."""
    lines = [line for line in re.split(r"\r\n|\r|\n", text[:100_000])[:_LOOK_AT] if line.strip()]
    widths = {s: [len(row) for row in csv.reader(lines, delimiter=s)] for s in _SEPARATORS}
    even = [s for s, found in widths.items() if found and found[0] > 1 and len(set(found)) == 1]
    wide = [s for s, found in widths.items() if found and found[0] > 1]
    return next(iter(even), "") or next(iter(wide), ",")
