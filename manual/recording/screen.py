"""A screen of a terminal: what a program's output looks like after each piece of it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from manual.recording.cast import CastError

_PIECES = re.compile(r"\x1b\[([?0-9;]*)([A-Za-z])|(\x1b.?|[\x00-\x1f])|([^\x00-\x1f]+)")
_COLOURS = ("#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4")
_LEVELS = (0, 95, 135, 175, 215, 255)


@dataclass(frozen=True)
class Style:
    """Colour (empty: that of the text), and whether letters are bold, dim or italic."""

    colour: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False


PLAIN = Style()
Cell = tuple[str, Style]
Row = tuple[Cell, ...]


@dataclass
class Screen:
    """A screen of `width` times `height` characters, and where the next one goes."""

    width: int
    height: int
    row: int = 0
    column: int = 0
    style: Style = PLAIN
    lines: list[dict[int, Cell]] = field(default_factory=lambda: [{}])

    def feed(self, text: str) -> None:
        """Write what a program has written.

        Raises:
            CastError: it contains a control sequence that this screen does not know.
        """
        for piece in _PIECES.finditer(text):
            numbers, kind, control, letters = piece.groups()
            if letters:
                self._write(letters)
            elif control:
                self._control(control)
            elif kind == "m":
                self.style = _styled(self.style, [int(n or 0) for n in numbers.split(";")])
            else:
                _move(kind, piece[0])(self, numbers)

    def rows(self) -> tuple[Row, ...]:
        """Return what is seen: the last `height` lines, without the spaces at their ends."""
        seen = self.lines[-self.height :]
        return tuple(_row(line) for line in seen)

    def _write(self, letters: str) -> None:
        for letter in letters:
            if self.column >= self.width:
                self._line_feed()
                self.column = 0
            self.lines[self.row][self.column] = (letter, self.style)
            self.column += 1

    def _control(self, control: str) -> None:
        if control == "\r":
            self.column = 0
        elif control == "\n":
            self._line_feed()
        else:
            raise CastError(f"the screen does not know the control character {control!r}")

    def _line_feed(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append({})


def _up(screen: Screen, numbers: str) -> None:
    top = max(0, len(screen.lines) - screen.height)
    screen.row = max(top, screen.row - int(numbers or 1))


def _erase(screen: Screen, numbers: str) -> None:
    line = screen.lines[screen.row]
    parts = {"2": range(screen.width), "1": range(screen.column + 1)}
    for column in parts.get(numbers, range(screen.column, screen.width)):
        line.pop(column, None)


def _ignore(screen: Screen, numbers: str) -> None:
    """Leave the screen as it is: the cursor is not drawn."""


_MOVES: Mapping[str, Callable[[Screen, str], None]] = {
    "A": _up,
    "K": _erase,
    "h": _ignore,
    "l": _ignore,
}


def _move(kind: str, whole: str) -> Callable[[Screen, str], None]:
    if kind not in _MOVES:
        raise CastError(
            f"the screen does not know the control sequence {whole!r}; expected one that ends "
            f"with m or {', '.join(_MOVES)}"
        )
    return _MOVES[kind]


def _row(line: Mapping[int, Cell]) -> Row:
    width = max(line, default=-1) + 1
    cells = [line.get(column, (" ", PLAIN)) for column in range(width)]
    while cells and cells[-1][0] == " ":
        cells.pop()
    return tuple(cells)


def _styled(style: Style, codes: list[int]) -> Style:
    while codes:
        code, *codes = codes
        if code == 38:
            colour, codes = _extended(codes)
            style = replace(style, colour=colour)
        else:
            style = _with(style, code)
    return style


def _with(style: Style, code: int) -> Style:
    """Return the style after one code of a sequence that ends with `m`."""
    if code in (1, 2):
        return replace(style, bold=style.bold or code == 1, dim=style.dim or code == 2)
    if code in (3, 23):
        return replace(style, italic=code == 3)
    if code == 22:
        return replace(style, bold=False, dim=False)
    if 30 <= code <= 37 or 90 <= code <= 97:
        return replace(style, colour=_COLOURS[code % 10])
    if code == 39:
        return replace(style, colour="")
    if code == 0:
        return PLAIN
    raise CastError(f"the screen does not know the style {code}")


def _extended(codes: list[int]) -> tuple[str, list[int]]:
    """Return the colour of `5;NUMBER` or `2;RED;GREEN;BLUE`, and the codes after it."""
    if codes[:1] == [2] and len(codes) >= 4:
        return "#" + "".join(f"{value:02x}" for value in codes[1:4]), codes[4:]
    if codes[:1] == [5] and len(codes) >= 2:
        return _of_256(codes[1]), codes[2:]
    raise CastError(f"the screen does not know the colour {codes}")


def _of_256(number: int) -> str:
    if number < 16:
        return _COLOURS[number % 8]
    if number >= 232:
        return "#" + f"{8 + 10 * (number - 232):02x}" * 3
    steps = divmod(number - 16, 36)
    levels = (steps[0], *divmod(steps[1], 6))
    return "#" + "".join(f"{_LEVELS[level]:02x}" for level in levels)
