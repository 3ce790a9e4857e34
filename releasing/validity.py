"""`python -m releasing.validity FILE`: check a bill of materials against CycloneDX's schema.

It runs in the environment of the tools, which has no lradapt.
"""

import json
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    version = SchemaVersion.from_version(json.loads(text)["specVersion"])
    if fault := JsonStrictValidator(version).validate_str(text):
        raise SystemExit(f"{sys.argv[1]} is not valid by the schema of CycloneDX: {fault}")
