"""Finds the file that a cell of a table means, where exactly one can be meant.

Tables of other programs name files by another path, in other letters, with another ending, or by
an id. The ways to read a name are tried from the closest on; the first that fits any file decides,
and it must fit exactly one.
"""

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from lradapt.data.importing.from_folder import image_endings
from lradapt.data.importing.split_names import read_split_names
from lradapt.data.label_faults import leads_outside
from lradapt.errors import DataError

_MOST_NAMED = 5
_MOST_COMPARED = 20_000  # files; a search for the nearest name takes about 10 microseconds each

_Key = Callable[[str], str]


def _without_ending(name: str) -> str:
    """Return a path without the ending of an image; another dot belongs to the name."""
    ending = PurePosixPath(name).suffix
    return name.removesuffix(ending) if ending.lower() in image_endings() else name


def _number(name: str) -> str:
    """Return the number that a path without its ending is, in its folder; "" for another name."""
    folder, _, stem = _without_ending(name).rpartition("/")
    number = stem.removesuffix(".0")
    return f"{folder}/{int(number)}" if number.isascii() and number.isdecimal() else ""


_CLOSE: Sequence[tuple[str, _Key, _Key]] = [
    # how the name of a cell differs, the key of the file, and the key of the cell
    ("upper and lower case differ", str.casefold, str.casefold),
    (
        "another ending",
        lambda file: _without_ending(file).casefold(),
        lambda cell: _without_ending(cell).casefold(),
    ),
    ("without its folder", lambda file: PurePosixPath(file).name.casefold(), str.casefold),
    (
        "without its folder and its ending",
        lambda file: _without_ending(PurePosixPath(file).name).casefold(),
        str.casefold,
    ),
    ("a number without its zeros", _number, _number),
]
_UNSURE = frozenset(difference for difference, _, _ in _CLOSE[1:])


@dataclass(slots=True)
class FileFinder:
    """Finds files of a folder by their names in a table.

    Attributes:
        folder: of the images.
        files: paths below it.
        table: the table, whose own folder a path may start from.
        differences: how many names were found although they differ, by the way they do.
        examples: for each of these ways the first name, and the file that it means.
    """

    folder: Path
    files: Sequence[str]
    table: Path
    differences: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    _exact: dict[str, list[str]] = field(default_factory=dict)
    _close: list[dict[str, list[str]]] = field(default_factory=list)
    _cells: dict[str, dict[str, str]] = field(
        default_factory=dict
    )  # file -> name -> how it differs
    _prefix: str = ""
    _searches: int = 0
    _absolute: Path = field(init=False)
    _resolved: Path = field(init=False)  # links are followed once, not for each name
    _table_folder: Path = field(init=False)

    def __post_init__(self) -> None:
        """Index the files by their paths in NFC, with and without their endings."""
        self._absolute, self._resolved = self.folder.absolute(), self.folder.resolve()
        self._table_folder = self.table.resolve().parent
        for name in self.files:
            for key in {name, _without_ending(name)}:
                self._exact.setdefault(unicodedata.normalize("NFC", key), []).append(name)

    def learn_prefix(self, names: Sequence[str]) -> None:
        """Find the folders that all names of a table begin with, and that are not below `folder`.

        They are those of the machine on which the table was written.
        """
        parts = [_slashes(name).split("/") for name in names if name]
        if len(parts) < 2 or any(self._matches(name) for name in names[:100]):
            return
        shared = next(
            (
                level
                for level, found in enumerate(zip(*(p[:-1] for p in parts), strict=False))
                if len(set(found)) > 1
            ),
            min(len(p) - 1 for p in parts),
        )
        own = {part.casefold() for part in self._resolved.parts}
        for level in range(1, shared + 1):
            left = [part for part in parts[0][:level] if part.casefold() not in own]
            if read_split_names(left):
                return  # the names may be those of another split, whose files have the same names
            if all(self._fits("/".join(p[level:])) for p in parts):
                self._prefix = "/".join(parts[0][:level]) + "/"
                return

    def __call__(self, name: str) -> str:
        """Return the file that a cell means.

        Raises:
            DataError: empty, outside of the folder, no file or several.
        """
        if not name:
            raise DataError("the image is empty")
        how, found = self._search(name)
        if not found and not self._ways_inside(name):
            raise DataError("the path leads outside the images folder")
        if not found:
            raise DataError(f"no such file in {self.folder}{self._nearest(name)}")
        if len(found) > 1:
            raise DataError(f"several files fit: {_told_apart(found[:_MOST_NAMED])}")
        if how:
            self.differences[how] += 1
            self.examples.setdefault(how, f"{name} -> {found[0]}")
        self._cells.setdefault(found[0], {})[_slashes(name)] = how
        return found[0]

    def shared_files(self) -> list[str]:
        """Return a fault for each file that was found by several names, of which one is unsure."""
        return [
            f"{file} is the only file that fits {', '.join(sorted(cells))}; name each image as its "
            "file is named"
            for file, cells in self._cells.items()
            if len(cells) > 1 and not _UNSURE.isdisjoint(cells.values())
        ]

    def count(self, names: Iterable[str]) -> int:
        """Return how many of the names mean exactly one file."""
        return sum(len(self._search(name)[1]) == 1 for name in names if name)

    def _search(self, name: str) -> tuple[str, list[str]]:
        """Return how a name differs from those of the files that it means, and these files."""
        if not leads_outside(name) and (found := self._matches(name)):
            return "", found
        meanings = self._meanings(self._ways_inside(name))
        return next(((how, found) for how, found in meanings if found), ("", []))

    def _ways_inside(self, name: str) -> list[tuple[str, str]]:
        return [way for way in self._ways(name) if not leads_outside(way[1])]

    def _meanings(self, ways: Sequence[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
        """Yield how a name differs, and the files that it then means, the closest first."""
        yield from ((way, self._matches(path)) for way, path in ways)
        for index, (difference, _, of_cell) in enumerate(_CLOSE):
            yield from ((difference, self._index(index).get(of_cell(path), [])) for _, path in ways)

    def notes(self) -> list[str]:
        """Return a sentence for each way in which names differ from their files."""
        return [
            f"{count:,} image(s) found although their names differ ({way}), such as "
            f"{self.examples[way]}"
            for way, count in self.differences.most_common()
        ]

    def _matches(self, name: str) -> list[str]:
        names = self._exact.get(name, [])
        exact = [found for found in names if unicodedata.normalize("NFC", found) == name]
        return exact if len(exact) == 1 else names

    def _fits(self, name: str) -> bool:
        meanings = self._meanings([("", name)])
        return len(next((found for _, found in meanings if found), [])) == 1

    def _ways(self, name: str) -> list[tuple[str, str]]:
        """Return the paths below the folder that a name can mean, each with how it is written."""
        plain = _slashes(name)
        ways = [("./ or back-slashes", plain)]
        if self._prefix and plain.startswith(self._prefix):
            ways.append((f"all below {self._prefix}", plain.removeprefix(self._prefix)))
        for root in dict.fromkeys((self._absolute, self._resolved)):
            if plain.startswith(f"{root}/"):
                ways.append(("absolute paths", plain.removeprefix(f"{root}/")))
        parts = plain.split("/")
        own = [part.casefold() for part in self._resolved.parts]
        for count in range(1, min(len(parts), len(own) + 1)):
            if [part.casefold() for part in parts[:count]] == own[-count:]:
                ways.append(("with the name of the images folder", "/".join(parts[count:])))
        if below := self._below_table(plain):
            ways.append(("paths from the folder of the table", below))
        return ways

    def _below_table(self, plain: str) -> str:
        """Return a path that starts at the folder of the table as one below the images folder."""
        path = Path(self._table_folder, plain)
        try:
            return path.resolve().relative_to(self._resolved).as_posix()
        except (ValueError, OSError):
            return ""

    def _index(self, number: int) -> dict[str, list[str]]:
        """Return key -> files, for one of the ways in which names may differ."""
        while len(self._close) <= number:
            _, of_file, _ = _CLOSE[len(self._close)]
            self._close.append(_by_key(self.files, of_file))
        return self._close[number]

    def _nearest(self, name: str) -> str:
        """Return the nearest name in words, for the first names only: a search takes long."""
        if self._searches >= _MOST_NAMED:
            return ""
        self._searches += 1
        wanted = PurePosixPath(_slashes(name)).name.casefold()
        names = _by_key(self.files[:_MOST_COMPARED], lambda file: PurePosixPath(file).name.lower())
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.5)
        return f"; the nearest is {names[near[0]][0]}" if near else ""


def _told_apart(files: Sequence[str]) -> str:
    """Return the names of files; as ASCII where two look the same."""
    if len({unicodedata.normalize("NFC", file) for file in files}) == len(files):
        return ", ".join(files)
    return (
        f"{', '.join(map(ascii, files))}; names are equal in Unicode's form NFC, rename the files"
    )


def _by_key(files: Iterable[str], key: _Key) -> dict[str, list[str]]:
    index: dict[str, list[str]] = {}
    for file in files:
        if value := key(unicodedata.normalize("NFC", file)):
            index.setdefault(value, []).append(file)
    return index


def _slashes(name: str) -> str:
    """Return a path with forward slashes, without `.` and empty parts, and without `file://`."""
    plain = re.sub(r"/(\./)+|//+", "/", name.removeprefix("file://").replace("\\", "/"))
    return plain.removeprefix("./")
