"""Exports of labelling tools in JSON: read, and told apart from each other."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lradapt.errors import DataError

COCO, LABEL_STUDIO, LABEL_STUDIO_MIN = "COCO", "Label Studio, JSON", "Label Studio, JSON_MIN"

_COMMANDS = {
    COCO: "lradapt import coco",
    LABEL_STUDIO: "lradapt import labelstudio",
    LABEL_STUDIO_MIN: "lradapt import labelstudio",
}


def read_export(path: Path) -> Any:
    """Read the JSON value of an export.

    Raises:
        DataError: missing, or not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError) as error:
        raise DataError(f"no file {path}; expected an export in JSON") from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError, JSONDecodeError
        raise DataError(
            f"{path} is not JSON ({error}); export it again, and unzip an archive first"
        ) from error


def require_kind(value: Any, path: Path, *expected: str) -> str:
    """Return the kind of an export, one of the expected.

    Raises:
        DataError: it is another; the message says which, and the command for it.
    """
    kind = _kind(value)
    if kind in expected:
        return kind
    found = f"found {kind}" if kind else f"found {_outline(value)}"
    command = f": `{_COMMANDS[kind]} {path}`" if kind in _COMMANDS else ""
    raise DataError(f"{path} is not an export of {' or '.join(expected)}: {found}{command}")


def _kind(value: Any) -> str:
    """Return the kind of an export by its keys; "" for an unknown one."""
    first = value[0] if isinstance(value, list) and value else value
    if not isinstance(first, dict):
        return ""
    keys = first.keys()
    return next((kind for kind, fits in _KINDS.items() if fits(value, keys)), "")


def _outline(value: Any) -> str:
    """Return in words what a JSON value is, with its first keys."""
    if isinstance(value, list) and value:
        return f"a list, whose first entry is {_outline(value[0])}"
    if isinstance(value, dict):
        return f"an object with the keys {', '.join(map(repr, list(value)[:6])) or '(none)'}"
    return "an empty list" if value == [] else f"{value!r:.40}"


def _has(*names: str) -> Callable[[Any, Any], bool]:
    return lambda _, keys: set(names) <= set(keys)


def _is_coco(value: Any, keys: Any) -> bool:
    return isinstance(value, dict) and {"images", "annotations", "categories"} <= set(keys)


_KINDS: Mapping[str, Callable[[Any, Any], bool]] = {
    COCO: _is_coco,
    "captions or results of COCO, without categories": _has("images", "annotations"),
    LABEL_STUDIO: _has("data", "annotations"),
    "tasks of Label Studio without annotations": lambda _, keys: (
        {"data"} <= set(keys) and bool({"id", "predictions", "meta"} & set(keys) or len(keys) == 1)
    ),
    "Label Studio before version 1.0 (export it again with a newer version)": _has("completions"),
    LABEL_STUDIO_MIN: _has("annotator"),
    "Datumaro (in CVAT export ImageNet or COCO)": _has("items", "categories"),
    "LabelMe, shapes in an image": _has("shapes", "imagePath"),
    "VGG Image Annotator": _has("_via_img_metadata"),
    "Labelbox": _has("data_row"),
}
