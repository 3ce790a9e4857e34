"""An empty picture, and what it is saved as: PNG for files and Prefect's UI, SVG for pages."""

import io
import re
from collections.abc import Callable
from typing import Any

BLUE, ORANGE, GREEN, PURPLE = "#2a87c8", "#d98200", "#159a75", "#c560a0"
"""Told apart by the colour-blind (after Okabe and Ito), and seen on white and on black."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)

_INK = "#010203"  # stands for the colour of the page's text until the picture is text itself
_STYLE = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.alpha": 0.2,
    "legend.frameon": False,
}
_PAGE = {
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
    ),
    "grid.color": _INK,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
}

Draw = Callable[[Any], None]
"""Draws on an empty figure of matplotlib."""


def png(draw: Draw, *, size: tuple[float, float]) -> bytes:
    """The picture as a PNG file, black on white.

    Args:
        draw: what draws it.
        size: width and height in inches, of 110 pixels.
    """
    # Without the version of matplotlib, the bytes depend on the figures alone.
    metadata = {"Software": None}
    return _saved(draw, size, {}, format="png", dpi=110, metadata=metadata)


def svg(draw: Draw, *, size: tuple[float, float], alt: str) -> str:
    """The picture as an element of a page, transparent and in the colour of the page's text.

    Args:
        draw: what draws it.
        size: width and height in inches; the page scales it to its column.
        alt: what it shows, for those who do not see it.
    """
    style = {**_PAGE, "svg.hashsalt": alt}
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    text = _saved(draw, size, style, format="svg", metadata=metadata).decode()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # the pages have several pictures
    width, height = (72 * side for side in size)
    opening = f'<svg role="img" aria-label="{_quoted(alt)}" viewBox="0 0 {width:g} {height:g}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1)


def _saved(draw: Draw, size: tuple[float, float], style: dict[str, Any], **how: Any) -> bytes:
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with rc_context({**_STYLE, **style}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(buffer, **how)
    return buffer.getvalue()


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
