"""The workflows for GitHub: valid by its schema, and of commands and files that exist."""

import re
import shlex
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest
import yaml

from tests.projects import ROOT

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
SYSTEMS = ROOT / ".github/workflows/systems.yml"
PROGRAMS = {"make", "python", ".venv/bin/python"}


def commands(path):
    """Return the commands of all steps, each as its words."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    lines = [
        line for job in jobs for step in job["steps"] for line in step.get("run", "").split("\n")
    ]
    return [shlex.split(line) for line in lines if line.strip()]


@pytest.fixture(scope="module")
def targets():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):(?!=)", text, re.MULTILINE))


def faults_of(words, targets):
    """Return why a command cannot run."""
    program, *rest = words
    if program not in PROGRAMS:
        return [f"unknown program {program}"]
    if program == "make":
        return [f"no target {word}" for word in rest if word not in targets]
    if rest[:1] != ["-m"] or find_spec(rest[1]) is None:
        return [f"no module in {words}"]
    paths = [word for word in rest[2:] if "/" in word or word.endswith(".txt")]
    return [f"no {path}" for path in paths if not (ROOT / path).exists()]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_is_valid_by_the_schema_of_github(path):
    pytest.importorskip("check_jsonschema", reason="it is of the extra dev")
    words = ["-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_command_of_a_workflow_exists(path, targets):
    found = commands(path)
    assert found
    assert [fault for words in found for fault in faults_of(words, targets)] == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("make no-such-target", "no target no-such-target"),
        ("curl x", "unknown program curl"),
        ("python -m no_such_module", "no module in"),
        ("python -m pytest tests/no_such_file.py", "no tests/no_such_file.py"),
    ],
)
def test_a_command_that_does_not_exist_is_found(command, fault, targets):
    (found,) = faults_of(shlex.split(command), targets)
    assert found.startswith(fault)


def test_the_package_is_installed_with_extras_that_exist():
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    text = SYSTEMS.read_text(encoding="utf-8")
    extras = {each for found in re.findall(r"\.\[([a-z,]+)\]", text) for each in found.split(",")}
    assert extras <= set(known["optional-dependencies"])


def test_the_portable_tests_run_on_all_three_systems():
    matrix = yaml.safe_load(SYSTEMS.read_text(encoding="utf-8"))["jobs"]["portable"]["strategy"]
    systems = [name.partition("-")[0] for name in matrix["matrix"]["os"]]
    assert systems == ["ubuntu", "windows", "macos"]
