"""Which values of two versions differ, each with its key, the old and the new value."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NOT_RECORDED = "not recorded"
ABSENT = "(absent)"


@dataclass(frozen=True, slots=True)
class ValueChange:
    """A value that differs: its key with dots, and both values; `ABSENT` where there is none."""

    key: str
    old: Any
    new: Any


def value_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> list[ValueChange]:
    """Return the values that differ, by key; those that were added or removed too."""
    before, after = dict(flat(old, prefix)), dict(flat(new, prefix))
    return [
        ValueChange(key, before.get(key, ABSENT), after.get(key, ABSENT))
        for key in sorted(before.keys() | after.keys())
        if before.get(key, ABSENT) != after.get(key, ABSENT)
    ]


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield each value with its key, the keys of sections joined by dots; an empty section too."""
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
