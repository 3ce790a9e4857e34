"""`lradapt retrain` and its like: they become the flow's program in the project's folder."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lradapt.cli import flows

ROOT = Path(__file__).parents[3]
FLOW = """import json, os, sys
named = ("PATH", "LRADAPT_COMMAND", "PREFECT_API_URL", "DO_NOT_TRACK")
print(json.dumps([os.getcwd(), sys.argv[1:], {n: os.environ.get(n) for n in named}]))
sys.exit(3)
"""


@pytest.fixture
def project(tmp_path):
    """A project whose flows print what they were given; the folder has spaces in its name."""
    folder = tmp_path / "my project"
    (folder / "flows").mkdir(parents=True)
    (folder / ".dvc").mkdir()
    (folder / "dvc.yaml").touch()
    (folder / "flows/__init__.py").touch()
    for name in ("retrain", "watch_labels", "deploy", "rollback"):
        (folder / f"flows/{name}.py").write_text(FLOW)
    return folder


def typed(folder, *words, **variables):
    """What `lradapt` prints, as typed in the folder by one whose environment is not active."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment = {**own, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "lradapt", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_options_environment_and_exit_code_are_the_flows(project):
    done = typed(project, "retrain", "--plan", "--registry", "s3://a b/c", "--help")
    folder, words, variables = json.loads(done.stdout)
    assert done.returncode == 3
    assert (folder, words) == (str(project), ["--plan", "--registry", "s3://a b/c", "--help"])
    assert variables["PATH"].split(":")[0] == str(Path(sys.executable).parent)
    assert variables["LRADAPT_COMMAND"] == "lradapt retrain"
    assert variables["DO_NOT_TRACK"] == "1"
    assert variables["PREFECT_API_URL"] is None
    assert done.stderr == ""


@pytest.mark.slow
def test_in_a_subfolder_the_flow_runs_in_the_project_and_this_is_told(project):
    (project / "data/deep").mkdir(parents=True)
    done = typed(project / "data/deep", "watch", "--from", "pull")
    assert f'["{project}", ["--from", "pull"]' in done.stdout
    assert done.stderr == f"in {project}\n"


@pytest.mark.slow
def test_deploy_takes_the_server_of_lradapt_ui_unless_another_is_set(project):
    assert '"PREFECT_API_URL": "http://127.0.0.1:4200/api"' in typed(project, "deploy").stdout
    other = typed(project, "deploy", PREFECT_API_URL="http://server/api")
    assert '"PREFECT_API_URL": "http://server/api"' in other.stdout


@pytest.mark.slow
def test_a_rollback_with_its_event_is_the_flow(project):
    done = typed(project, "rollback", "--event", "--reason", "it is worse", "3f9c21d07a4e")
    expected = (
        '["3f9c21d07a4e", "--reason=it is worse", "--registry=registry", "--name=classifier"]'
    )
    assert expected in done.stdout


@pytest.mark.parametrize("command", flows.MODULES)
def test_outside_a_project_one_message_says_what_makes_one(lradapt, command):
    refused = lradapt(command)
    assert refused.code == 1
    assert f"error: lradapt {command} runs a flow of a project, and neither " in refused.err
    assert "`lradapt init DIR` makes a project" in refused.err


def test_a_flow_that_the_project_has_not_is_named(lradapt, tmp_path):
    (tmp_path / "flows").mkdir()
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").touch()
    refused = lradapt("benchmark")
    assert refused.code == 1
    assert "has no flow for lradapt benchmark: flows/benchmark.py is missing" in refused.err


def test_each_command_has_its_flow_in_this_repository():
    assert all((ROOT / f"flows/{module}.py").is_file() for module in flows.MODULES.values())
