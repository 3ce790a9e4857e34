"""Saving a plot: as PNG for files and Prefect's UI, as SVG for HTML pages."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot that can be saved as PNG or SVG.

    Attributes:
        draw: draws on an empty matplotlib figure.
        size: width and height in inches.
    """

    draw: Callable[[Any], None]
    size: tuple[float, float]

    def png(self) -> bytes:
        """Return a PNG file, black on white, with 110 pixels per inch."""
        # Without the version of matplotlib, the bytes depend on the values only.
        return self._saved({}, format="png", dpi=110, metadata={"Software": None})

    def svg(self, *, alt: str) -> str:
        """Return an SVG element, transparent and in the colour of the page's text.

        Args:
            alt: description for screen readers.
        """
        metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        style = {**_PAGE, "svg.hashsalt": alt}
        text = self._saved(style, format="svg", metadata=metadata).decode()
        text = text[text.index("<svg") :].replace(_INK, "currentColor")
        text = re.sub(r'<g id="[^"]*"', "<g", text)  # a page has several plots: ids must be unique
        width, height = (72 * inches for inches in self.size)
        opening = f'<svg role="img" aria-label="{_quoted(alt)}" viewBox="0 0 {width:g} {height:g}">'
        return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1)

    def _saved(self, style: dict[str, Any], **how: Any) -> bytes:
        from matplotlib import rc_context
        from matplotlib.figure import Figure

        buffer = io.BytesIO()
        with rc_context({**_STYLE, **style}):
            figure = Figure(figsize=self.size, layout="constrained")
            self.draw(figure)
            figure.savefig(buffer, **how)
        return buffer.getvalue()


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
