"""Links of the documents in the manual: README becomes its first page, other files get pages."""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
_FENCED = re.compile(r"(^ *```.*?^ *```[^\n]*$)", re.M | re.S)
_INLINE = re.compile(r"(`[^`\n]+`)")
HOME = "README.md"
DOCS = "docs"


@dataclass(frozen=True)
class Linked:
    """A document as it is in the manual, and the files outside docs/ that it links to."""

    text: str
    outside: frozenset[str]


def in_manual(text: str, document: str, root: Path) -> Linked:
    """Return a document with its links as they are in the manual.

    Args:
        text: its content.
        document: its path below the root of the repository, with forward slashes.
        root: the folder of the repository.
    """
    outside: set[str] = set()

    def replaced(link: re.Match[str]) -> str:
        target, anchor = link[1], link[2] or ""
        if re.match(r"\w+:", target):
            return link[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(document), target))
        if not (root / path).is_file():
            return link[0]  # mkdocs reports it
        if path != HOME and not path.startswith(f"{DOCS}/"):
            outside.add(path)
        start = posixpath.dirname(page_of(document))
        return posixpath.relpath(page_of(path), start or ".") + anchor

    pieces = _FENCED.split(text)
    pieces[::2] = [_outside_code(piece, replaced) for piece in pieces[::2]]
    return Linked("".join(pieces), frozenset(outside))


def page_of(path: str) -> str:
    """Return the page of a file of the repository, below the folder of the manual's sources."""
    if path == HOME:
        return "index.md"
    if path.startswith(f"{DOCS}/"):
        return path.removeprefix(f"{DOCS}/")
    name = PurePosixPath(path)
    return f"repository/{name}" if name.suffix == ".md" else f"repository/{name}.md"


def source_page(path: str, text: str) -> str:
    """Return the page of a file outside docs/ that is no Markdown: its text, as code."""
    kind = PurePosixPath(path).suffix.removeprefix(".") or "text"
    return f"# {path}\n\n````{kind}\n{text}\n````\n"


def nested_by_four(text: str) -> str:
    """Return Markdown whose blocks within list items are indented by four spaces.

    GitHub takes two, Python-Markdown needs four.
    """
    return re.sub(r"(?<=\n\n)(?: {2,3}(?! ).*\n(?:(?: {2,}.*)?\n)*)", _four, text)


def _four(block: re.Match[str]) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in block[0].splitlines(True))


def _outside_code(text: str, replaced: Callable[[re.Match[str]], str]) -> str:
    pieces = _INLINE.split(text)
    pieces[::2] = [_LINK.sub(replaced, piece) for piece in pieces[::2]]
    return "".join(pieces)
