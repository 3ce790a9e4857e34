"""Places in a page that a program fills: `<!-- NAME: begin -->` to `<!-- NAME: end -->`."""

from lradapt.errors import LradaptError


def between_markers(text: str, content: str, name: str) -> str:
    """Return `text` with `content` between the markers of this name.

    Raises:
        LradaptError: the text does not have each marker once, the first before the second.
    """
    begin, close = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, _, rest = text.partition(begin)
    old, end, after = rest.partition(close)
    if not end or any(marker in part for marker in (begin, close) for part in (before, old, after)):
        raise LradaptError(
            f"the page must have the lines {begin!r} and {close!r} once each, in this order; put "
            "them in the place of the table"
        )
    return f"{before}{begin}\n\n{content}\n\n{close}{after}"
