"""Reading YAML files: keys are text exactly as written; an error names the line and the column.

YAML takes a plain `yes`, `007`, `12:30` or `2024-01-01` for a truth value, a number or a date. Some
keys are names of classes, where each of these is a name.
"""

from pathlib import Path
from typing import Any

import yaml

from lradapt.errors import ParamsError

_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Any:
    """Read the value in the YAML file at `path`, without validating it.

    Raises:
        ParamsError: the file is missing, is not valid YAML in UTF-8, or has a key twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a SafeLoader
    except FileNotFoundError as error:
        raise ParamsError(
            f"no {path}: run from the folder that holds {path.name}{_place_of(path)}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {_describe(error)}") from error


class _Loader(yaml.SafeLoader):
    """Reads every key as text, and refuses a key that a mapping has twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Compose a mapping; its keys that are scalars get the tag of text."""
        mapping: yaml.MappingNode = super().compose_mapping_node(anchor)
        mapping.value = [(_as_text(key), value) for key, value in mapping.value]
        _require_each_once(mapping)
        return mapping


def _as_text(node: yaml.Node) -> yaml.Node:
    """Return a node that is read as text; a merge, and what is not a scalar, as it is."""
    if not isinstance(node, yaml.ScalarNode) or node.tag == _MERGE:
        return node
    return yaml.ScalarNode(_TEXT, node.value, node.start_mark, node.end_mark, node.style)


def _require_each_once(mapping: yaml.MappingNode) -> None:
    first: dict[str, yaml.Node] = {}
    for key, _ in mapping.value:
        if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
            continue
        before = first.setdefault(key.value, key)
        if before is not key:
            raise yaml.MarkedYAMLError(
                problem=f"the key {key.value!r} is also in line {before.start_mark.line + 1}; "
                "remove one of them",
                problem_mark=key.start_mark,
            )


def _place_of(path: Path) -> str:
    """Return the nearest folder around this one that holds a file, as the end of a sentence."""
    found = (folder for folder in Path.cwd().parents if (folder / path).is_file())
    folder = None if path.is_absolute() else next(found, None)
    return f": {folder}" if folder else ""


def _describe(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """Return the place, if it is known, and the fault on one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error)
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    return f"line {mark.line + 1}, column {mark.column + 1}: {' '.join(filter(None, parts))}"
