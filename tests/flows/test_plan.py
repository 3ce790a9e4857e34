"""What would run is printed, and nothing runs."""

import json
import sys

import pytest

from tests.projects import dvc, run

pytestmark = pytest.mark.slow


def plan(project, *options):
    return run(project, sys.executable, "-m", "flows.retrain", "--plan", *options).stdout


def files(project):
    """What a run would change."""
    skipped = {".git", "__pycache__", "tmp"}
    paths = (path for path in project.rglob("*") if not skipped & set(path.parts))
    return {path: path.stat().st_mtime_ns for path in paths if path.is_file()}


def test_before_any_run_the_plan_names_the_data_and_every_stage_and_runs_nothing(project):
    before = files(project)
    output = plan(project)
    assert files(project) == before
    for words in ("DVC has no version of it yet", "it has not run yet", "up to date: nothing"):
        assert words in output
    nodes = json.loads(plan(project, "--json"))
    assert "data/labels.csv" in nodes["unversioned"]
    assert {node["stale"] for node in nodes["nodes"]} == {True}


def test_a_stage_added_to_dvc_yaml_appears_in_the_plan(project):
    path = project / "dvc.yaml"
    text = path.read_text()
    more = "  tell: {cmd: echo told, deps: [reports/metrics.json], meta: {queue: cpu}}\n"
    path.write_text(text.replace("\nplots:\n", f"\n{more}\nplots:\n"))
    try:
        nodes = json.loads(plan(project, "--json"))["nodes"]
    finally:
        path.write_text(text)
    assert nodes[-1] == {
        "address": "tell",
        "stale": True,
        "reasons": ["it has not run yet", "its input evaluate is stale"],
        "meta": {"queue": "cpu"},
    }


@pytest.mark.long
@pytest.mark.parametrize("home", ["HOME={file}", "HOME={file}/below", "-uHOME"])
def test_a_home_that_cannot_be_used_is_none(project, tmp_path, home):
    (tmp_path / "file").touch()
    words = "env", home.format(file=tmp_path / "file"), sys.executable, "-m", "flows.retrain"
    nodes = json.loads(run(project, *words, "--plan", "--json").stdout)["nodes"]
    assert nodes[0]["address"] == "code"


def test_outside_a_project_the_plan_says_what_is_missing(tmp_path, project):
    import os

    done = run(
        tmp_path,
        *("env", f"PYTHONPATH={project}", "PREFECT_HOME=" + os.fspath(tmp_path / "home")),
        *(sys.executable, "-m", "flows.retrain", "--plan"),
        check=False,
    )
    assert done.returncode == 1
    assert "no dvc.yaml: run from the folder that holds dvc.yaml" in done.stdout
    assert "Traceback" not in done.stdout
    assert dvc(project, "status").returncode == 0
