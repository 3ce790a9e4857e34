"""The bounds of each value of params.yaml in words, from the schema that every run checks."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from lradapt.config.params import Params

_LIMITS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
    "minLength": "at least {} character(s)",
}
_TYPES = {"boolean": "true or false", "string": "a text", "integer": "an integer", "null": "null"}
_LEFT_OUT = ("chosen_by_import",)


def bounds_of_params() -> dict[str, str]:
    """Return key with dots -> its bounds in words, for every value of params.yaml."""
    return bounds_of(Params)


def bounds_of(section: type[BaseModel]) -> dict[str, str]:
    """Return key with dots -> its bounds in words, for every value below a section."""
    schema = section.model_json_schema()
    return dict(_leaves(schema, schema.get("$defs", {}), ""))


def _leaves(
    schema: Mapping[str, Any], known: Mapping[str, Any], prefix: str
) -> Iterator[tuple[str, str]]:
    for name, each in schema["properties"].items():
        found = _resolved(each, known)
        if "properties" in found:
            yield from _leaves(found, known, f"{prefix}{name}.")
        elif name not in _LEFT_OUT:
            yield f"{prefix}{name}", _in_words(found, known)


def _resolved(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return known[reference.rpartition("/")[2]] if reference else schema


def _in_words(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    schema = _resolved(schema, known)
    if "anyOf" in schema:
        return " or ".join(_in_words(each, known) for each in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return _list_in_words(schema, known)
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"names with values: {_in_words(inner, known)}" if inner else "names with values"
    limits = [words.format(schema[key]) for key, words in _LIMITS.items() if key in schema]
    kind = _TYPES.get(schema.get("type", ""), "")
    return ", ".join([*([kind] if kind else []), *limits]) or "a number"


def _list_in_words(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    if "prefixItems" in schema:
        each = [_in_words(item, known) for item in schema["prefixItems"]]
        same = len(set(each)) == 1
        return f"{len(each)} values" + (f", each {each[0]}" if same else f": {'; '.join(each)}")
    return f"a list, each {_in_words(schema['items'], known)}"
