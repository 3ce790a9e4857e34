"""Names that every tracker accepts, made of the names of classes."""

import re
from collections.abc import Iterable, Mapping

_REFUSED = re.compile(r"[^\w.\- /]")  # MLflow refuses a name with any other letter
_LENGTH = 200  # MLflow: at most 250


def accepted(names: Iterable[str]) -> dict[str, str]:
    """Return name -> a name that trackers accept; different names stay different."""
    found: dict[str, str] = {}
    for name in names:
        short = _REFUSED.sub("_", name)[:_LENGTH]
        taken = set(found.values())
        numbered = (f"{short}_{number}" for number in range(2, len(taken) + 3))
        found[name] = next(each for each in (short, *numbered) if each not in taken)
    return found


def flat(values: Mapping[str, object], separator: str = ".") -> dict[str, object]:
    """Return the values of nested mappings, by their keys with a separator between them."""
    found: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            inner = flat(value, separator).items()
            found |= {f"{key}{separator}{below}": each for below, each in inner}
        else:
            found[key] = value
    return found
