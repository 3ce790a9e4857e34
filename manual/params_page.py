"""The page of all values of `params.yaml`: value, unit, bounds and meaning, from their schema."""

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lradapt.config import params as schema_modules
from lradapt.config.params import Params
from lradapt.config.params.section import Unit
from lradapt.errors import LradaptError
from lradapt.reporting.dossier.bounds import bounds_of
from manual.sources import texts_below
from manual.tables import table

_NUMBERS = (int, float)
_OF_IMPORT = "chosen_by_import"


class UndocumentedError(LradaptError):
    """A value of params.yaml has no meaning or no unit in the schema."""


@dataclass(frozen=True)
class Value:
    """One value of params.yaml: its key with dots, its unit (empty: no number), its meaning."""

    key: str
    unit: str
    meaning: str


def params_page(given: Mapping[str, Any]) -> str:
    """Return the page in Markdown.

    Args:
        given: the content of `params.yaml`, whose values the page shows.

    Raises:
        UndocumentedError: a value has no meaning, or a number no unit; all are listed.
    """
    parts = [
        "# Every value of params.yaml\n\n"
        "Made from the schema that every run checks (`lradapt/config/params/`). *Here* is the "
        "value of this repository, which suits the digits of the quick start. No value has a "
        "default: `params.yaml` states each. `lradapt import` writes what suits other images.\n"
    ]
    bounds = _bounds(Params)
    for name, title, values in _sections(Params):
        rows = [
            (
                f"`{each.key}`",
                _linked(each.meaning),
                _shown(_at(given, each.key)),
                each.unit,
                bounds[each.key],
            )
            for each in values
        ]
        parts.append(f"## {name}\n\n{title}\n\n{table(_HEADER, rows)}")
    parts.append(f"## {_OF_IMPORT}\n\n{_documents(Params)[_OF_IMPORT]}\n")
    return "\n".join(parts)


_HEADER = ("key", "meaning", "here", "unit", "bounds")


def documented(schema: type[BaseModel], prefix: str = "") -> list[Value]:
    """Return all values below a section of the schema.

    Raises:
        UndocumentedError: a value has no meaning, or a number no unit; all are listed.
    """
    values = [value for value in _values(schema, prefix) if value.key != _OF_IMPORT]
    faults = [f"{value.key}: no meaning" for value in values if not value.meaning]
    faults += [f"{value.key}: a number without a unit" for value in values if value.unit == "?"]
    if faults:
        raise UndocumentedError(
            f"{len(faults)} value(s) of {schema.__module__} cannot be explained: "
            f"{'; '.join(faults)}. Write the meaning as a text below the field, and the unit as "
            'Annotated[float, Unit("seconds")]'
        )
    return values


def _bounds(schema: type[BaseModel], prefix: str = "") -> dict[str, str]:
    """Return key with dots -> its bounds, also of the keys of a section that may be null."""
    found = {f"{prefix}{key}": words for key, words in bounds_of(schema).items()}
    for name, field in schema.model_fields.items():
        if section := _section(field):
            found |= _bounds(section, f"{prefix}{name}.")
            if _may_be_null(field):
                found[f"{prefix}{name}"] = "a section or null"
    return found


def _sections(schema: type[BaseModel]) -> Iterator[tuple[str, str, list[Value]]]:
    values = documented(schema)
    single = [value for value in values if "." not in value.key]
    yield "Of the whole run", "", single
    for name, field in schema.model_fields.items():
        if found := _section(field):
            title = inspect.cleandoc(found.__doc__ or "").partition("\n")[0]
            yield name, title, [each for each in values if each.key.startswith(f"{name}.")]


def _values(schema: type[BaseModel], prefix: str) -> Iterator[Value]:
    documents = _documents(schema)
    for name, field in schema.model_fields.items():
        section = _section(field)
        if section:
            yield from _values(section, f"{prefix}{name}.")
        if not section or _may_be_null(field):
            yield Value(f"{prefix}{name}", _unit(field), documents.get(name, ""))


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kinds = (field.annotation, *get_args(field.annotation))
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)), None)


def _may_be_null(field: FieldInfo) -> bool:
    return type(None) in get_args(field.annotation)


def _unit(field: FieldInfo) -> str:
    """Return the unit of a number, an empty text for other values, and `?` if it is missing."""
    found = [each.name for each in _metadata(field) if isinstance(each, Unit)]
    is_number = any(kind in _NUMBERS for kind in _kinds(field.annotation))
    return found[0] if found else "?" if is_number else ""


def _metadata(field: FieldInfo) -> list[Any]:
    inner = [each for each in _all_args(field.annotation) if isinstance(each, Unit)]
    return [*field.metadata, *inner]


def _kinds(annotation: Any) -> list[Any]:
    return [annotation, *_all_args(annotation)]


def _all_args(annotation: Any) -> list[Any]:
    """Return the arguments of a type and of its arguments, and what Annotated adds to them."""
    direct = [*get_args(annotation), *getattr(annotation, "__metadata__", ())]
    return [*direct, *(each for arg in direct for each in _all_args(arg))]


@cache
def _documents(schema: type[BaseModel]) -> dict[str, str]:
    """Return the texts below the fields of a section; else those below the name of their type."""
    tree = ast.parse(inspect.getsource(inspect.getmodule(schema) or schema))
    found = {**_documents(schema.__mro__[1])} if schema.__mro__[1] is not BaseModel else {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == schema.__name__:
            types = _fields(node)
            found |= {name: text for name, kind in types.items() if (text := _of_types().get(kind))}
            found |= texts_below(node.body)
    return found


def _fields(node: ast.ClassDef) -> dict[str, str]:
    fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    return {ast.unparse(each.target): ast.unparse(each.annotation) for each in fields}


@cache
def _of_types() -> dict[str, str]:
    names = [each.name for each in pkgutil.iter_modules(schema_modules.__path__)]
    modules = [importlib.import_module(f"{schema_modules.__name__}.{name}") for name in names]
    texts = [texts_below(ast.parse(inspect.getsource(module)).body) for module in modules]
    return {name: text for found in texts for name, text in found.items()}


def _linked(meaning: str) -> str:
    return re.sub(r"docs/(\w+)\.md", r"[\1](../\1.md)", meaning)


def _at(given: Mapping[str, Any], key: str) -> Any:
    found: Any = given
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _shown(value: object) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1000).removesuffix("...\n")
    return f"`{text.strip()}`"
