"""Validating the values of a YAML file against a schema; all faults are reported together."""

import json
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lradapt.errors import ParamsError, listed

_Schema = TypeVar("_Schema", bound=BaseModel)


def validate(schema: type[_Schema], values: object, path: Path) -> _Schema:
    """Return `values`, read from `path`, as an instance of the schema.

    Raises:
        ParamsError: a value does not fit; every fault is listed.
    """
    try:
        # In strict mode only JSON's rules accept a list for a tuple. YAML has dates: `default`.
        return schema.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        faults = [_explain(fault) for fault in error.errors()]
        raise ParamsError(
            f"{path} has {len(faults)} fault(s); every key is documented in {schema.__module__}:\n"
            + listed(faults)
        ) from error


def _explain(fault: ErrorDetails) -> str:
    where = ".".join(map(str, fault["loc"])) or "the file"
    messages = {
        "missing": "missing",
        "extra_forbidden": "unknown key; remove it or correct its name",
        "value_error": fault["msg"].removeprefix("Value error, "),
    }
    if fault["type"] in messages:
        return f"{where}: {messages[fault['type']]}"
    given = fault["input"]
    if fault["type"] == "string_type" and not isinstance(given, dict | list):
        return f"{where}: {fault['msg']}, got {given!r} (YAML does not read it as text: add quotes)"
    is_text = fault["type"] in ("int_type", "float_type") and isinstance(given, str)
    remedy = " (YAML reads it as text: remove the quotes, write 1e-4 as 1.0e-4)" if is_text else ""
    return f"{where}: {fault['msg'].replace('an object', 'a mapping')}, got {given!r}{remedy}"
