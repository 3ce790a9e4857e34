"""Saving a plot: as PNG for files and Prefect's UI, as SVG for HTML pages."""

import io
import re
from collections.abc import Callable
from typing import Any

BLUE, ORANGE, GREEN, PURPLE = "#2a87c8", "#d98200", "#159a75", "#c560a0"
"""Distinguishable by colour-blind readers (after Okabe and Ito), visible on white and black."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE)

_INK = "#010203"  # placeholder, replaced by the colour of the page's text
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
"""A function that draws on an empty matplotlib figure."""


def png(draw: Draw, *, size: tuple[float, float]) -> bytes:
    """Return the plot as a PNG file, black on white.

    Args:
        draw: draws the plot.
        size: width and height in inches of 110 pixels.
    """
    # Without the version of matplotlib, the bytes depend on the values only.
    metadata = {"Software": None}
    return _saved(draw, size, {}, format="png", dpi=110, metadata=metadata)


def svg(draw: Draw, *, size: tuple[float, float], alt: str) -> str:
    """Return the plot as an SVG element, transparent and in the colour of the page's text.

    Args:
        draw: draws the plot.
        size: width and height in inches; the page scales it to its column.
        alt: description for screen readers.
    """
    style = {**_PAGE, "svg.hashsalt": alt}
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    text = _saved(draw, size, style, format="svg", metadata=metadata).decode()
    text = text[text.index("<svg") :].replace(_INK, "currentColor")
    text = re.sub(r'<g id="[^"]*"', "<g", text)  # a page has several plots, and ids must be unique
    width, height = (72 * inches for inches in size)
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
