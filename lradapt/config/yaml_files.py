"""Reading YAML files: keys are text exactly as written; an error names the line and the column.

YAML takes a plain `yes`, `007`, `12:30` or `2024-01-01` for a truth value, a number or a date. Some
keys are names of classes, where each of these is a name.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from lradapt.errors import ParamsError

_OF_PROJECTS = ("dvc.yaml", "params.yaml")
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"


def read_yaml(path: Path) -> Any:
    """Read the value in the YAML file at `path`, without validating it.

    Raises:
        ParamsError: the file is missing, is not valid YAML in UTF-8, or has a key twice.
    """
    try:
        return _parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(
            f"no {path}: run from the folder that holds {path.name}{_place_of(path)}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {_describe(error)}") from error


def _parse(text: str) -> Any:
    """Parse YAML with the loader in C, ten times as fast; errors have the words of the other."""
    with suppress(yaml.YAMLError, AttributeError):  # PyYAML can be built without the one in C
        return yaml.load(text, _loader(yaml.CSafeLoader))
    return yaml.load(text, _loader(yaml.SafeLoader))


def _loader(base: Any) -> Any:
    """Return a safe loader that reads every key as text, and refuses a key given twice."""
    return type("Loader", (_TextKeys, base), {})


class _TextKeys:
    def get_single_node(self) -> yaml.Node | None:
        """Compose the document; keys that are scalars get the tag of text."""
        document: yaml.Node | None = super().get_single_node()  # type: ignore[misc]
        for mapping in _mappings(document):
            mapping.value = [(_as_text(key), value) for key, value in mapping.value]
            _require_each_once(mapping)
        return document


def _mappings(document: yaml.Node | None) -> list[yaml.MappingNode]:
    """Return all mappings of a document, each once, though an alias may name it several times."""
    found: dict[int, yaml.Node] = {}
    rest = [document]
    while rest:
        node = rest.pop()
        if isinstance(node, yaml.CollectionNode) and id(node) not in found:
            found[id(node)] = node
            is_mapping = isinstance(node, yaml.MappingNode)
            rest += [part for pair in node.value for part in pair] if is_mapping else node.value
    return [node for node in found.values() if isinstance(node, yaml.MappingNode)]


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
    """Return where a file is: the nearest folder around this one; as the end of a sentence."""
    found = (folder for folder in Path.cwd().parents if (folder / path).is_file())
    folder = None if path.is_absolute() else next(found, None)
    if folder:
        return f": {folder}"
    return "; `lradapt init DIR` makes a project" if str(path) in _OF_PROJECTS else ""


def _describe(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """Return the place, if it is known, and the fault on one line."""
    mark = getattr(error, "problem_mark", None)
    if mark is None:
        return str(error)
    parts = (getattr(error, "context", None), getattr(error, "problem", None))
    return f"line {mark.line + 1}, column {mark.column + 1}: {' '.join(filter(None, parts))}"
