"""The names of timm's networks, read from its files: to import timm would take seconds."""

import difflib
import importlib.util
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_REGISTERED = re.compile(r"^@register_model\s+def (\w+)\(", re.MULTILINE)


@cache
def timm_names() -> Sequence[str]:
    """Return the names of the networks of the installed timm."""
    found = importlib.util.find_spec("timm")
    assert found is not None, "timm is a dependency"
    folders = [Path(folder) / "models" for folder in found.submodule_search_locations or []]
    files = sorted(file for folder in folders for file in folder.glob("*.py"))
    return [name for file in files for name in _REGISTERED.findall(file.read_text("utf-8"))]


def unknown_name(name: str) -> str:
    """Return what is wrong with the name of a timm network, with the nearest names; "" if nothing.

    Args:
        name: without "timm/"; it may have a tag of weights, such as resnet18.a1_in1k.
    """
    network, _, _ = name.partition(".")
    if network in timm_names():
        return ""
    near = difflib.get_close_matches(network, timm_names(), n=4, cutoff=0.5)
    nearest = f"; the nearest names: {', '.join(near)}" if near else ""
    return f"timm has no network {network!r}{nearest}"
