"""What the header of a Hugging Face `README.md` says: the licence, and the names of classes."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_LINE = "---"
_NO_LICENCE = ("", "unknown", "other")


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """The header of a data set.

    Attributes:
        licence: of the images; empty if it is not stated.
        class_names: column -> number of the class -> its name.
    """

    licence: str = ""
    class_names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def read_card(folder: Path) -> DatasetCard:
    """Read the header of `folder/README.md`; of a missing or unreadable one nothing is known."""
    import yaml

    try:
        header = _header((folder / "README.md").read_text(encoding="utf-8-sig"))
        content = yaml.safe_load(header)
    except (FileNotFoundError, UnicodeDecodeError, yaml.YAMLError):
        return DatasetCard()
    if not isinstance(content, dict):
        return DatasetCard()
    return DatasetCard(_licence(content.get("license")), dict(_class_names(content)))


def _header(text: str) -> str:
    """Return the lines between the first two lines `---`; "" where there are none."""
    first, *lines = text.splitlines() or [""]
    if first.strip() != _LINE or _LINE not in lines:
        return ""
    return "\n".join(lines[: lines.index(_LINE)])


def _licence(value: Any) -> str:
    names = value if isinstance(value, list) else [value]
    return ", ".join(str(name) for name in names if name and name not in _NO_LICENCE)


def _class_names(content: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Yield column -> number -> name, for each feature with `dtype: class_label: names`."""
    for info in _list(content.get("dataset_info")):
        for feature in _list(_get(info, "features")):
            names = _get(_get(_get(feature, "dtype"), "class_label"), "names")
            if isinstance(names, list):
                names = dict(enumerate(names))
            if isinstance(names, dict):
                found = {str(number): str(name) for number, name in names.items()}
                yield str(_get(feature, "name")), found


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
