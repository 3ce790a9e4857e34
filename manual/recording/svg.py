"""A recording as one animated SVG, which needs no script and no font from outside.

Each different line of the screen is drawn once, and each picture of the film uses its lines. A
style sheet moves the film. Where nothing moves, because a person prefers that or a program cannot,
the last picture stands still.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import groupby, pairwise

from manual.recording.cast import Cast
from manual.recording.screen import Row, Screen, Style

_LETTER, _LINE, _MARGIN = 8, 17, 12
"""Width of a letter, height of a line and margin, in the units of the picture."""
_HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img">
<title>{title}</title>
<style>
text{{font:13px ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;\
white-space:pre}}
.b{{font-weight:bold}}.d{{opacity:.6}}.i{{font-style:italic}}
#film{{transform:translateY({last}px);animation:film {seconds:.1f}s steps(1,end) infinite}}
@keyframes film{{{keyframes}}}
@media (prefers-reduced-motion:reduce){{#film{{animation:none}}}}
</style>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<defs>
"""


@dataclass(frozen=True)
class Picture:
    """The lines of the screen, and for how many seconds they are seen."""

    rows: tuple[Row, ...]
    seconds: float


def film(
    cast: Cast, *, longest_seconds: float, shortest_seconds: float, last_seconds: float
) -> list[Picture]:
    """Return the pictures of a recording.

    Args:
        cast: the recording.
        longest_seconds: longer pauses are shortened to this.
        shortest_seconds: a picture that is replaced sooner, as time is shown, is left out.
        last_seconds: of the last picture.
    """
    screen, pictures, seen = Screen(cast.width, cast.height), list[Picture](), 0.0
    for (at, text), (following, _) in pairwise([*cast.outputs, (float("inf"), "")]):
        screen.feed(text)
        seen += min(following - at, longest_seconds)
        if seen >= shortest_seconds or following == float("inf"):
            pictures.append(Picture(screen.rows(), seen))
            seen = 0.0
    *others, last = _joined(pictures)
    return [*others, replace(last, seconds=last_seconds)]


def _joined(pictures: Iterable[Picture]) -> list[Picture]:
    equal = groupby(pictures, key=lambda picture: picture.rows)
    return [Picture(rows, sum(each.seconds for each in same)) for rows, same in equal]


def draw(pictures: Sequence[Picture], *, width: int, height: int, title: str) -> str:
    """Return the SVG of a film on a terminal of `width` times `height` characters."""
    rows = list(dict.fromkeys(row for picture in pictures for row in picture.rows if row))
    names = {row: f"r{number}" for number, row in enumerate(rows)}
    step = height * _LINE + 2 * _MARGIN
    parts = [
        _HEAD.format(
            width=width * _LETTER + 2 * _MARGIN,
            height=step,
            title=escape(title),
            seconds=sum(picture.seconds for picture in pictures),
            keyframes=_keyframes(pictures, step),
            last=-step * (len(pictures) - 1),
        ),
        *(f'<g id="{names[row]}">{_letters(row)}</g>\n' for row in rows),
        '</defs>\n<g id="film">\n',
        *(_used(picture, names, step * number) for number, picture in enumerate(pictures)),
        "</g>\n</svg>\n",
    ]
    return "".join(parts)


def _keyframes(pictures: Sequence[Picture], step: int) -> str:
    whole, begin, frames = sum(picture.seconds for picture in pictures), 0.0, []
    for number, picture in enumerate(pictures):
        frames.append(f"{100 * begin / whole:.2f}%{{transform:translateY({-step * number}px)}}")
        begin += picture.seconds
    return "".join([*frames, f"100%{{transform:translateY({-step * (len(pictures) - 1)}px)}}"])


def _used(picture: Picture, names: dict[Row, str], top: int) -> str:
    lines = [
        f'<use href="#{names[row]}" y="{top + _MARGIN + _LINE * (number + 1) - 4}"/>'
        for number, row in enumerate(picture.rows)
        if row
    ]
    return "".join(lines) + "\n"


def _letters(row: Row) -> str:
    """Return the runs of one style in a line, each as wide as its letters are."""
    parts, column = [], 0
    for style, cells in groupby(row, key=lambda cell: cell[1]):
        text = "".join(letter for letter, _ in cells)
        begin, shown = column + len(text) - len(text.lstrip()), text.strip()
        if shown:
            place = f'x="{_MARGIN + begin * _LETTER}" textLength="{len(shown) * _LETTER}"'
            parts.append(f"<text {place}{_look(style)}>{escape(shown, quote=False)}</text>")
        column += len(text)
    return "".join(parts)


def _look(style: Style) -> str:
    letters = {"b": style.bold, "d": style.dim, "i": style.italic}
    names = " ".join(name for name, wanted in letters.items() if wanted)
    kind = f' class="{names}"' if names else ""
    return kind + (f' style="fill:{style.colour}"' if style.colour else "")
