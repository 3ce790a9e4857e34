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
from lradapt.errors import LradaptError
from lradapt.runtime.files import write_json
from releasing.closure import closure, requirements_of

_PROJECT = "pyproject.toml"


def write_sbom(root: Path, path: Path) -> int:
    """Write the bill of this interpreter's environment, without tools of the development.

    Args:
        root: of the source tree.
        path: of the file.

    Returns:
        The number of its components.

    Raises:
        LradaptError: the bill is not valid by the schema of CycloneDX.
    """
    project = tomllib.loads((root / _PROJECT).read_text(encoding="utf-8"))["project"]
    bill = reduced(_bill(root), closure(requirements_of(project)))
    bill["metadata"]["component"]["version"] = __version__
    _require_valid(bill)
    write_json(path, bill)
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


def _bill(root: Path) -> dict[str, Any]:
    """Return the bill of the whole environment, by cyclonedx-py."""
    words = ("environment", "--pyproject", str(root / _PROJECT), "--mc-type", "library")
    options = ("--output-reproducible", "--no-validate", "--of", "JSON", "-o", "-")
    command = [sys.executable, "-m", "cyclonedx_py", *words, *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def _require_valid(bill: dict[str, Any]) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    validator = JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"]))
    if fault := validator.validate_str(json.dumps(bill)):
        raise LradaptError(f"the SBOM is not valid by the schema of CycloneDX: {fault}")
