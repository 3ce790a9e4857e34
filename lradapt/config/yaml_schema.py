"""Reading a YAML file and checking it against a schema; every fault is explained at once."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lradapt.config import yaml_errors as yaml_faults
from lradapt.errors import ParamsError, listed

_Schema = TypeVar("_Schema", bound=BaseModel)


def read_values(path: Path) -> Any:
    """What the YAML file at `path` says, unchecked.

    Raises:
        ParamsError: the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"no {path}: run from the folder that holds {path.name}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {yaml_faults.told(error)}") from None


def check(schema: type[_Schema], values: object, path: Path) -> _Schema:
    """`values`, read from `path`, as the schema has them.

    Raises:
        ParamsError: they have faults; all of them are named at once.
    """
    try:
        # Lists of YAML become tuples only outside strict mode, so JSON's rules are used.
        return schema.model_validate_json(_as_json(values))
    except ValidationError as error:
        faults = [_explain(fault) for fault in error.errors()]
        raise ParamsError(
            f"{path} has {len(faults)} fault(s); {schema.__module__.replace('.', '/')}.py "
            "documents every key:\n" + listed(faults)
        ) from None


def _as_json(values: object) -> str:
    import json

    return json.dumps(values, default=str)  # YAML knows dates


def _explain(fault: object) -> str:
    assert isinstance(fault, dict)
    where = ".".join(str(part) for part in fault["loc"]) or "the file"
    messages = {
        "missing": "missing",
        "extra_forbidden": "unknown key; remove it or mend its name",
        "value_error": fault["msg"].removeprefix("Value error, "),
    }
    if fault["type"] in messages:
        return f"{where}: {messages[fault['type']]}"
    given = fault["input"]
    as_text = fault["type"] in ("int_type", "float_type") and isinstance(given, str)
    remedy = " (text to YAML: remove the quotes, write 1e-4 as 1.0e-4)" if as_text else ""
    return f"{where}: {fault['msg'].replace('an object', 'a mapping')}, got {given!r}{remedy}"
