"""Which installed packages lradapt needs: those of its users' extras, and what these need."""

import re
import tomllib
from importlib import metadata

import pytest
from packaging.requirements import Requirement

from releasing.closure import closure, requirements_of
from releasing.sbom import reduced
from tests.projects import ROOT

INSTALLED = {
    "a": ["b>=1", 'c; extra == "more"', 'windows; sys_platform == "win32"'],
    "b": ["A", "absent>=2"],
    "c": ["d_with.dots"],
    "d-with-dots": None,
}


@pytest.fixture
def installed(monkeypatch):
    """The packages above are the installed ones."""

    def requires(name):
        if name not in INSTALLED:
            raise metadata.PackageNotFoundError(name)
        return INSTALLED[name]

    monkeypatch.setattr(metadata, "requires", requires)


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("a", {"a", "b"}),
        ("a[more]", {"a", "b", "c", "d-with-dots"}),
        ("B", {"a", "b"}),
        ("absent", set()),
    ],
)
def test_what_a_package_needs_is_found_with_its_extras_and_for_this_system(installed, asked, found):
    assert closure([Requirement(asked)]) == found


def test_tools_of_the_development_are_not_required():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = {each.name for each in requirements_of(project)}
    assert found >= {"numpy", "fastapi", "torch", "prefect", "boto3", "pydicom"}
    assert not found & {"lradapt", "pytest", "ruff", "fastai", "mkdocs", "twine"}


def test_every_package_that_a_user_needs_has_an_exact_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in lines}
    assert closure(requirements_of(project)) <= pinned


def test_a_reduced_bill_keeps_the_components_of_these_names_and_their_dependencies():
    parts = {"a==1": "A", "b==2": "b", "pytest==9": "pytest"}
    bill = {
        "specVersion": "1.6",
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [{"bom-ref": ref, "name": name} for ref, name in parts.items()],
        "dependencies": [
            {"ref": "root", "dependsOn": ["a==1", "pytest==9"]},
            {"ref": "a==1", "dependsOn": ["b==2", "pytest==9"]},
            {"ref": "b==2"},
            {"ref": "pytest==9", "dependsOn": ["a==1"]},
        ],
    }
    assert reduced(bill, {"a", "b"}) == {
        **bill,
        "components": bill["components"][:2],
        "dependencies": [
            {"ref": "root", "dependsOn": ["a==1"]},
            {"ref": "a==1", "dependsOn": ["b==2"]},
            {"ref": "b==2", "dependsOn": []},
        ],
    }
