"""Reading YAML files; an error names the line and the column."""

from pathlib import Path
from typing import Any

import yaml

from lradapt.errors import ParamsError


def read_yaml(path: Path) -> Any:
    """Read the value in the YAML file at `path`, without validating it.

    Raises:
        ParamsError: the file is missing, or is not valid YAML in UTF-8.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ParamsError(
            f"no {path}: run from the folder that holds {path.name}{_place_of(path)}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path} is not valid YAML: {_describe(error)}") from error


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
