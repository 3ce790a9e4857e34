"""The task that sends a run to trackers, without any tracker."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lradapt.runtime.files import write_text
from tasks import tracking
from tests.finished_training import write_outputs
from tests.projects import PROGRAMS, ROOT

WITHOUT = """
import sys
from tasks import tracking

tracking.send_run("classifier", None)
loaded = {name.partition(".")[0] for name in sys.modules} | set(sys.modules)
print(sorted(loaded & {"mlflow", "wandb", "lradapt.tracking", "lradapt.tracking.collect"}))
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose training has ended; its paths."""
    monkeypatch.chdir(tmp_path)
    paths = write_outputs()
    write_text(paths.report, "<html>")
    return paths


@pytest.fixture
def sent(monkeypatch):
    """What the program that sends would get, and what it answers: a function."""
    commands = []

    def answer(text="", code=0):
        def run(command, *, seconds):
            commands.append((command[2:4], seconds))
            if text:
                Path(command[-1]).write_text(text)
            return code

        monkeypatch.setattr(tracking, "run_limited", run)
        return commands

    return answer


def set_track(**values):
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["track"] |= values
    Path("params.yaml").write_text(yaml.safe_dump(params))


def logged(caplog):
    return [(each.levelname, each.getMessage()) for each in caplog.records]


def test_without_trackers_nothing_is_imported(project):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT],
        env=PROGRAMS | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('{"address": "http://host/1"}', 0, ("INFO", "mlflow: http://host/1")),
        ('{"fault": "no"}', 0, ("WARNING", "mlflow: this run is not recorded there: no")),
        (
            "",
            None,
            (
                "WARNING",
                "mlflow: this run is not recorded there: no answer within 7 seconds "
                "(track.max_seconds)",
            ),
        ),
        (
            "",
            139,
            (
                "WARNING",
                "mlflow: this run is not recorded there: its program ended with exit code 139",
            ),
        ),
    ],
)
def test_each_tracker_costs_one_line_and_no_error(project, sent, caplog, text, code, line):
    caplog.set_level(logging.INFO, logger="lradapt.tracking")
    commands = sent(text, code)
    tracking.track.fn("mlflow", "classifier", None, 7.0)
    assert logged(caplog) == [line]
    assert commands == [(["lradapt.tracking", "mlflow"], 7.0)]


def test_a_client_that_is_not_installed_is_named_with_its_extra(project, caplog, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    for name in ("mlflow", "wandb"):  # found before any that is installed, and no package
        Path(f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\")")
    tracking.track.fn("wandb", "classifier", None, 60.0)
    tracking.track.fn("mlflow", "classifier", None, 60.0)
    warnings = [
        f"{name}: this run is not recorded there: No module named '{name}'; install it: pip "
        f"install 'lradapt[{name}]'"
        for name in ("wandb", "mlflow")
    ]
    assert logged(caplog) == [("WARNING", each) for each in warnings]


def test_trackers_are_asked_in_order_with_the_limit_of_params(project, monkeypatch):
    asked = []
    monkeypatch.setattr(
        tracking.track, "with_options", lambda name: lambda *words: asked.append((name, *words))
    )
    set_track(trackers=["wandb", "mlflow"], max_seconds=5.0)
    tracking.send_run("classifier", None)
    assert asked == [
        ("track-wandb", "wandb", "classifier", None, 5.0),
        ("track-mlflow", "mlflow", "classifier", None, 5.0),
    ]
