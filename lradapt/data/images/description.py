"""The preprocessing in words that other programs read too: the metadata of an exported model.

docs/onnx.md has a reader for them in a few lines.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from lradapt.data.images.decode import Preprocessing

_ALWAYS: Mapping[str, Any] = {
    "layout": "NHWC",
    "channels": "RGB",
    "type": "uint8",
    "orientation": "turned as EXIF says",
    "transparency": "over white",
    "page": "the first",
}
"""What is the same for every model."""


def described(how: Preprocessing) -> dict[str, Any]:
    """Return everything that turns a file into the input of a model, as JSON has it."""
    resize = {"library": "Pillow", "filter": "bilinear", "antialias": True}
    gap = {"reducing_gap": None if how.fit == "pad" else 1.0}
    padding = {"padding": "black on both sides"} if how.fit == "pad" else {}
    ours = asdict(how) | {"depth_range": list(how.depth_range)}
    return ours | dict(_ALWAYS) | {"resize": resize | gap} | padding


def from_description(description: Mapping[str, Any]) -> Preprocessing:
    """Return the preprocessing of the metadata; a model made before has no fit and no range."""
    values = {
        field.name: description[field.name]
        for field in fields(Preprocessing)
        if field.name in description
    }
    if "depth_range" in values:
        low, high = values["depth_range"]
        values["depth_range"] = (low, high)
    return Preprocessing(**values)
