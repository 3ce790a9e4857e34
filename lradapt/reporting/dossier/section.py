"""A part of the dossier as Markdown and HTML show it: sentences and tables of text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lradapt.reporting.dossier.param_changes import NOT_RECORDED, ValueChange

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text, one cell for each column; `folded` if the page shows it only when asked."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    folded: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the dossier.

    Attributes:
        id: for links.
        title: in words.
        answers: the parts of the regulations that it answers.
        sentences: shown above the tables, each as a paragraph.
        tables: those without rows are left out.
    """

    id: str
    title: str
    answers: Sequence[str]
    sentences: Sequence[str]
    tables: Sequence[Table] = ()


def short(sha256: object) -> str:
    """Return the first digits of a hash, or that it is not recorded."""
    return str(sha256)[:_SHORT] if sha256 else NOT_RECORDED


def second(time: object) -> str:
    """Return a time of the registry to the second, or that it is not recorded."""
    return str(time)[:19].replace("T", " ") if time else NOT_RECORDED


def percent(share: Any) -> str:
    """Return a share in percent, or that it is not recorded."""
    return NOT_RECORDED if share is None else f"{100 * share:.2f} %"


def in_words(value: object) -> str:
    """Return a value of params.yaml as YAML writes it, on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(in_words, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {in_words(each)}" for key, each in value.items()) + "}"
    return f"{value:g}" if isinstance(value, float) else str(value) or '""'


def change_cells(change: ValueChange) -> tuple[str, str, str]:
    """Return the cells of a change: the value's key, the old and the new one in words."""
    return change.key, in_words(change.old), in_words(change.new)


def code_in_words(code: Mapping[str, Any] | None) -> str:
    """Return the commit of an entry `code`, and whether there were changes beside it."""
    return (
        f"{short(code['commit'])}{', with changes' if code['dirty'] else ''}"
        if code
        else NOT_RECORDED
    )
