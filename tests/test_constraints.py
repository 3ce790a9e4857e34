"""The tested versions of constraints.txt install on every Python that the package allows."""

import re
import tomllib
from importlib.metadata import distributions
from pathlib import Path

from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = (line.split("==") for line in lines if "==" in line)
    return {_normal(name): version.strip() for name, version in pins}


def test_no_tested_version_refuses_the_oldest_python():
    """Debian 12 has Python 3.11.2; a version that needs 3.11.5 ended `make install` there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    oldest = f"{project['requires-python'].removeprefix('>=')}.0"
    pins, checked, refused = _pins(), 0, []
    for package in distributions():
        if pins.get(_normal(package.name)) == package.version:
            checked += 1
            needs = package.metadata.get("Requires-Python") or ""
            if not SpecifierSet(needs).contains(oldest):
                refused.append(f"{package.name} {package.version} needs Python {needs}")
    assert checked > 100
    assert refused == []
