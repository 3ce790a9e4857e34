"""The Makefile in a folder and with an environment whose names have spaces, on stub programs."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.projects import ROOT

RECORD = """#!{python}
import json, os, pathlib, sys
words = sys.argv[1:]
with open(os.environ["CALLS"], "a") as file:
    file.write(json.dumps([sys.argv[0], os.environ["PATH"].split(":")[0], *words]) + "\\n")
if words[:2] == ["-m", "venv"]:
    programs = pathlib.Path(words[2], "bin")
    programs.mkdir(parents=True)
    for name in ("python", "ruff", "mypy", "lint-imports"):
        (programs / name).write_text(pathlib.Path(sys.argv[0]).read_text())
        (programs / name).chmod(0o755)
"""
INSTALL = ["-m venv", "-m pip", "-m pip", "-m prefect"]


HANDED_ON = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "VENV")


@pytest.fixture(params=["", ".my venv", "{parent}/else where/venv"])
def make(request, tmp_path):
    """A function: run `make` in a copy of the project's Makefile; the calls of its programs."""
    project = tmp_path / "my projects (it's new)"
    project.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, project / name)
    stub = tmp_path / "a python"
    stub.write_text(RECORD.format(python=sys.executable))
    stub.chmod(0o755)
    venv = request.param.format(parent=tmp_path)
    settings = [f"PYTHON={stub}", *([f"VENV={venv}", f"BENCH_VENV={venv}"] if venv else [])]
    calls = tmp_path / "calls"

    def run(*words):
        calls.write_text("")
        # Of the make that runs these tests, such as `make VENV=DIR check`, nothing is handed on.
        own = {name: value for name, value in os.environ.items() if name not in HANDED_ON}
        environment = {**own, "CALLS": str(calls)}
        command = ["make", *settings, *words]
        done = subprocess.run(command, cwd=project, env=environment, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr
        found = [json.loads(line) for line in calls.read_text().splitlines()]
        programs = str(project / (venv or ".venv") / "bin")
        assert all(path == programs for _, path, *_ in found)
        return [words for _, _, *words in found]

    return run


def test_what_is_installed_in_a_folder_with_spaces_is_installed_once(make):
    assert [" ".join(words[:2]) for words in make("install")] == INSTALL
    (upgrade,) = make("install")  # the stub makes no database
    assert upgrade[:4] == ["-m", "prefect", "server", "database"]


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("retrain", ["-m lradapt", "-m flows.retrain"]),
        ("ui", ["-m flows.ui"]),
        ("deploy", ["-m flows.deploy"]),
        ("worker", ["-m flows.worker"]),
        ("test", ["-m pytest"]),
        ("test-all", ["-m pytest"]),
        ("check", ["format --check", "check .", "", "", "-m pytest"]),
        ("lint", ["format --check", "check .", "", ""]),
        ("docs", ["-m mkdocs"]),
        ("format", ["format .", "check --fix"]),
    ],
)
def test_each_target_finds_its_programs_in_a_folder_with_spaces(make, target, expected):
    assert [" ".join(words[:2]) for words in make(target)] == [*INSTALL, *expected]


def test_the_benchmarks_have_an_environment_of_their_own(make):
    assert [" ".join(words[:2]) for words in make("bench")] == [*INSTALL[:3], "-m benchmarks.peers"]
