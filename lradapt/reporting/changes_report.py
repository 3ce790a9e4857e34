"""The changes between two versions for people and programs: a sentence, tables, Markdown, JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lradapt.data.changes import (
    Change,
    Changes,
    Count,
    count_all,
    count_classes,
    count_kinds,
    count_relabellings,
)
from lradapt.data.labelled_image import LabelledImage
from lradapt.reporting.markdown import escaped

_MOST_ROWS = 20
_NONE = "-"
_TIE = "(tie of annotators)"


@dataclass(frozen=True, slots=True)
class Section:
    """A table of text; each row has one cell for each column."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class ChangesSummary:
    """The changes as a page shows them: a sentence, and the tables below it."""

    sentence: str
    sections: Sequence[Section] = ()


def summarise(changes: Changes) -> ChangesSummary:
    """Return the sentence and the tables."""
    return ChangesSummary(sentence(changes), tuple(sections(changes)))


def sentence(changes: Changes) -> str:
    """Return in one line how much has changed."""
    total = f"{sum(changes.before.values()):,} images"
    if not changes.rows:
        return f"nothing has changed in {total}{_not_compared(changes)}"
    kinds = ", ".join(f"{count.images:,} {kind}" for kind, count in count_kinds(changes).items())
    whole = count_all(changes)
    in_test = f"; {whole.in_test:,} in test" if changes.test_known else ""
    number = f"{whole.images:,} change{'s' if whole.images > 1 else ''}"
    return f"{number} of {total}: {kinds}{in_test}{_not_compared(changes)}"


def _not_compared(changes: Changes) -> str:
    return "" if changes.pixels_compared else " (pixels not compared)"


def sections(changes: Changes) -> list[Section]:
    """Return the tables that have rows: by kind, by class, by pair of labels, image by image."""
    found = [_by_kind(changes), _by_class(changes), _matrix(changes), _images(changes)]
    return [section for section in found if section.rows]


def _by_kind(changes: Changes) -> Section:
    known = changes.test_known
    kinds = count_kinds(changes)
    rows = [[kind, *_cells(count, known)] for kind, count in kinds.items()]
    if len(kinds) > 1:
        rows.append(["together", *_cells(count_all(changes), known)])
    return Section("by kind", ["kind", "images", "in test"], rows)


def _by_class(changes: Changes) -> Section:
    """Return the table by class, without the columns in which no class has a change."""
    known = changes.test_known
    counts = count_classes(changes)
    columns = {
        "before": [_number(one.before) for one in counts.values()],
        "after": [_number(one.after) for one in counts.values()],
        "added": [_number(one.added) for one in counts.values()],
        "removed": [_number(one.removed) for one in counts.values()],
        "to it": [_number(one.relabelled_to) for one in counts.values()],
        "from it": [_number(one.relabelled_from) for one in counts.values()],
        "other": [_number(one.other) for one in counts.values()],
        "in test": [_in_test(Count(one.changed, one.in_test), known) for one in counts.values()],
        "share": [f"{one.share:.1%}" for one in counts.values()],
    }
    shown = {
        name: cells
        for name, cells in columns.items()
        if name in ("before", "after") or set(cells) != {_NONE}
    }
    rows = [list(row) for row in zip(counts, *shown.values(), strict=True)]
    return Section("by class (to it, from it: relabelled)", ["class", *shown], rows)


def _matrix(changes: Changes) -> Section:
    found = count_relabellings(changes)
    rows = [
        [old or _TIE, new or _TIE, *_cells(count, changes.test_known)]
        for (old, new), count in found.items()
    ]
    return Section("relabelled", ["from", "to", "images", "in test"], _first(rows))


def _images(changes: Changes) -> Section:
    rows = [
        [
            row.image,
            ", ".join(row.kinds),
            _state(row.before, row.split_before, row),
            _state(row.after, row.split_after, row),
        ]
        for row in changes.rows[: _MOST_ROWS + 1]
    ]
    title = "image by image"
    if len(changes.rows) > _MOST_ROWS:
        title += f": the first {_MOST_ROWS} of {len(changes.rows):,}"
    return Section(title, ["image", "change", "state before", "state after"], rows[:_MOST_ROWS])


def _state(image: LabelledImage | None, split: str, change: Change) -> str:
    """Return label and split, and the group where it has changed."""
    if image is None:
        return _NONE
    moved = change.before and change.after and change.before.group != change.after.group
    group = f"group {image.group or 'of its own'}" if moved else ""
    return ", ".join(part for part in (image.label or _TIE, group, split or image.split) if part)


def _first(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    if len(rows) <= _MOST_ROWS:
        return list(rows)
    more = [f"... and {len(rows) - _MOST_ROWS:,} more", *[""] * (len(rows[0]) - 1)]
    return [*rows[:_MOST_ROWS], more]


def _cells(count: Count, test_known: bool) -> list[str]:
    return [f"{count.images:,}", _in_test(count, test_known)]


def _in_test(count: Count, known: bool) -> str:
    return _number(count.in_test) if known else "?"


def _number(count: int) -> str:
    return f"{count:,}" if count else _NONE


def as_markdown(changes: Changes) -> str:
    """Return the sentence and the tables as Markdown, for Prefect's artifacts."""
    parts = [sentence(changes)]
    for section in sections(changes):
        lines = [section.columns, ["---"] * len(section.columns), *section.rows]
        table = "\n".join("| " + " | ".join(map(escaped, line)) + " |" for line in lines)
        parts.append(f"**{section.title}**\n\n{table}")
    return "\n\n".join(parts)


def as_json(changes: Changes) -> dict[str, Any]:
    """Return all changes, also image by image; null where a number is not known."""
    known = changes.test_known
    return {
        "images": {
            "before": sum(changes.before.values()),
            "after": sum(changes.after.values()),
        },
        "pixels_compared": changes.pixels_compared,
        "test_known": known,
        "changed": _count(count_all(changes), known),
        "kinds": {kind: _count(count, known) for kind, count in count_kinds(changes).items()},
        "classes": {
            name: asdict(one) | _count(Count(one.changed, one.in_test), known, "changed")
            for name, one in count_classes(changes).items()
        },
        "relabelled": [
            {"from": pair[0], "to": pair[1], **_count(count, known)}
            for pair, count in count_relabellings(changes).items()
        ],
        "rows": [_row(row) for row in changes.rows],
    }


def _count(count: Count, known: bool, name: str = "images") -> dict[str, int | None]:
    return {name: count.images, "in_test": count.in_test if known else None}


def _row(change: Change) -> dict[str, Any]:
    return {
        "image": change.image,
        "kinds": list(change.kinds),
        "before": _fields(change.before, change.split_before),
        "after": _fields(change.after, change.split_after),
    }


def _fields(image: LabelledImage | None, split: str) -> dict[str, str] | None:
    if image is None:
        return None
    return {
        "label": image.label,
        "group": image.group,
        "given_split": image.split,
        "pixel_sha256": image.pixel_sha256,
        "split": split,
    }
