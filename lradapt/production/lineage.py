"""Where a model comes from: its data and params by their hashes, the code, the libraries."""

import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import version as version_of
from typing import Any

from lradapt.config.params import DEFAULT_PATH
from lradapt.config.paths import Paths
from lradapt.config.yaml_files import read_yaml
from lradapt.runtime.files import sha256_of

_LIBRARIES = ("lradapt", "torch", "torchvision", "timm", "onnx", "onnxruntime", "pillow", "numpy")
_MEANINGS = {"labels": "labels", "split": "split", "table": "images and their hashes"}


def lineage(paths: Paths) -> dict[str, Any]:
    """Return what made the model that the stages have made: data, params, code, libraries.

    Returns:
        "code": {"commit", "dirty"}, empty outside git; "data": the sha256 of the tables of labels,
        images and splits; "params": all of them; "params_sha256": of their file; "libraries": name
        -> version; "machine".
    """
    return {
        "code": code_version(),
        "data": {
            "labels": sha256_of(paths.labels),
            "split": sha256_of(paths.split),
            "table": sha256_of(paths.table),
        },
        "params": read_yaml(DEFAULT_PATH),
        "params_sha256": sha256_of(DEFAULT_PATH),
        "libraries": {
            "python": platform.python_version(),
            **{library: version_of(library) for library in _LIBRARIES},
        },
        "machine": f"{platform.machine()} {sys.platform}",
    }


def lineage_rows(known: Mapping[str, Any], metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the lineage for people: rows of a name, and its hash or version."""
    code, backbone = known["code"], metrics["backbone"]
    commit = f"{code['commit']}{', with changes' if code['dirty'] else ''}" if code else ""
    rows = [
        ("warm start from version", metrics["ancestor"]),
        ("body", f"{backbone['source']}: {backbone['detail']}"),
        *((f"sha256 of the table of {_MEANINGS[name]}", of) for name, of in known["data"].items()),
        ("sha256 of params.yaml", known["params_sha256"]),
        ("git commit of the code", commit or "not in git"),
        ("libraries", ", ".join(f"{name} {is_}" for name, is_ in known["libraries"].items())),
        ("machine", known["machine"]),
    ]
    return [row for row in rows if row[1]]


def code_version() -> dict[str, Any]:
    """Return the commit, and whether tracked files differ from it; empty outside git."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        dirty = bool(git("status", "--porcelain", "--untracked-files=no"))
        return {"commit": git("rev-parse", "HEAD"), "dirty": dirty}
    except (OSError, subprocess.CalledProcessError):
        return {}
