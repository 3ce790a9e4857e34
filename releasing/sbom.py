"""The software bill of materials (CycloneDX, JSON) of the packages that lradapt was tested with."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from lradapt import __version__
from lradapt.runtime.files import write_json
from releasing.closure import closure, requirements_of
from releasing.tools import run_tool

_PROJECT = "pyproject.toml"


def write_sbom(tools: Path, root: Path, path: Path) -> int:
    """Write the bill of this interpreter's environment, without tools of the development.

    Args:
        tools: Python of the environment that has cyclonedx-bom.
        root: of the source tree.
        path: of the file.

    Returns:
        The number of its components.

    Raises:
        LradaptError: the bill is not valid by the schema of CycloneDX.
    """
    project = tomllib.loads((root / _PROJECT).read_text(encoding="utf-8"))["project"]
    bill = reduced(_bill(tools, root), closure(requirements_of(project)))
    bill["metadata"]["component"]["version"] = __version__
    write_json(path, bill)
    run_tool(tools, root, "releasing.validity", str(path.absolute()))
    return len(bill["components"])


def reduced(bill: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return a bill with the components of these names alone, and what they depend on of these."""
    components = [each for each in bill["components"] if canonicalize_name(each["name"]) in names]
    kept = {bill["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in components)}
    dependencies = [
        {**each, "dependsOn": [ref for ref in each.get("dependsOn", []) if ref in kept]}
        for each in bill["dependencies"]
        if each["ref"] in kept
    ]
    return {**bill, "components": components, "dependencies": dependencies}


def _bill(tools: Path, root: Path) -> dict[str, Any]:
    """Return the bill of this interpreter's whole environment, by cyclonedx-py."""
    words = ("environment", sys.executable, "--pyproject", str(root / _PROJECT))
    options = ("--mc-type", "library", "--output-reproducible", "--no-validate", "--of", "JSON")
    command = [str(tools), "-m", "cyclonedx_py", *words, *options, "-o", "-"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))
