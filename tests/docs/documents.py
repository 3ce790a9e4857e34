"""The project's documents as text, links and code: what the tests of them read."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
DATED = ("docs/log.md", "CHANGELOG.md")
"""They say what was so at its time, so names in them may be gone."""

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.M | re.S)
_INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block: the word behind its fence, and what is inside."""

    kind: str
    text: str


def documents():
    """Every Markdown file of the project, as paths below its root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("**/*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


@cache
def read(name):
    """A document, by its path or by that below the root."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name):
    """Its fenced blocks, in order."""
    return [Block(*match) for match in _FENCE.findall(read(name))]


def code(name):
    """Everything in it that is code: fenced, indented and inline; a piece for each line."""
    fenced = [block.text.replace("\\\n", " ") for block in blocks(name)]
    indented = re.findall(r"^ {4}(\S.*)$", prose(name).replace("\\\n", " "), re.M)
    return [*inline(name), *indented, *(line for text in fenced for line in text.splitlines())]


def prose(name):
    """It without fenced blocks."""
    return _FENCE.sub("", read(name))


def inline(name):
    """Its inline code, without the backticks."""
    return _INLINE.findall(prose(name))


def links(name):
    """Targets of its links and pictures."""
    text = _INLINE.sub("", prose(name))
    return re.findall(r"\]\(([^)\s]+)\)", text)


def slug(heading):
    """The anchor of a heading, the first of its name in a document, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(name):
    """What can stand behind `#` in a link to it, as GitHub makes them of headings."""
    counts = {}
    for heading in re.findall(r"^#+ (.+)$", prose(name), re.M):
        anchor = slug(heading)
        counts[anchor] = counts.get(anchor, -1) + 1
        yield f"{anchor}-{counts[anchor]}" if counts[anchor] else anchor
