"""The project's documents as text, links and code, for the tests of the documents."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATED = ("docs/log.md", "CHANGELOG.md")
"""These describe the project at a date, so names in them may no longer exist."""

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block: the word after its fence, and its content."""

    kind: str
    text: str


def documents():
    """Return every Markdown file of the project, as a path below its root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


@cache
def read(name):
    """Read a document, by its full path or by its path below the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name):
    """Return the fenced blocks of a document, in order."""
    return [Block(*match) for match in _FENCE.findall(read(name))]


def code(name):
    """Return all code of a document, line by line: fenced, indented and inline."""
    fenced = [block.text.replace("\\\n", " ") for block in blocks(name)]
    indented = re.findall(r"^ {4}(\S.*)$", prose(name).replace("\\\n", " "), re.M)
    return [*inline(name), *indented, *(line for text in fenced for line in text.splitlines())]


def prose(name):
    """Return a document without its fenced blocks."""
    return _FENCE.sub("", read(name))


def inline(name):
    """Return the inline code of a document, without the backticks."""
    return _INLINE.findall(prose(name))


def links(name):
    """Return the targets of the links and pictures of a document."""
    text = _INLINE.sub("", prose(name))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def slug(heading):
    """Return the anchor that GitHub makes for the first heading with this text."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(name):
    """Yield the anchors of a document, as GitHub makes them from its headings."""
    counts = {}
    for heading in re.findall(r"^#+ (.+)$", prose(name), re.M):
        anchor = slug(heading)
        counts[anchor] = counts.get(anchor, -1) + 1
        yield f"{anchor}-{counts[anchor]}" if counts[anchor] else anchor
