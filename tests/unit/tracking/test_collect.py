from dataclasses import asdict
from pathlib import Path

import pytest

from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.runtime.files import read_json, write_json
from lradapt.tracking.collect import collect
from lradapt.tracking.tracked_run import TrackedRun
from tests.finished_training import EVIL, write_outputs

BETTER = Verdict(decision="promote", reason="it is better")
PLAIN = (
    EVIL.replace("'", "_").replace("<", "_").replace(">", "_").replace("(", "_").replace(")", "_")
)


@pytest.fixture
def paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_outputs()


def test_a_run_has_params_figures_and_epochs(paths):
    tracked = collect(paths, "skin", None, [Path("a.html")])
    assert tracked.params["finetune.num_cycles"] == 3
    assert not [key for key in tracked.params if key.startswith(("chosen_by_import", "track"))]
    assert tracked.metrics == {
        "accuracy": 2 / 3,
        "balanced_accuracy": 0.5,
        "macro_f1": 0.4,
        f"recall/{PLAIN.replace('/', '_')}": 2 / 3,
        "calibration_error": 0.0311,
        "seconds/split": 61.2,
    }
    head = {"train_loss": 1.5, "validation_loss": 1.4, "validation_accuracy": 0.75}
    assert tracked.epochs == {"head": [head], "finetune": [{"train_loss": 3.0}]}
    assert tracked.files == ["a.html"]


def test_a_run_has_the_version_and_the_verdict_of_the_gate(paths):
    outcome = Outcome("3f9c21d07a4e", BETTER, None, previous="000000000000")
    tracked = collect(paths, "skin", outcome, [])
    assert tracked.name == "3f9c21d07a4e"
    assert tracked.note == "**Not promoted: version 3f9c21d07a4e**\n\nit is better"
    stated = {key: text for key, text in tracked.tags.items() if not key.endswith("_sha256")}
    assert stated == {
        "lradapt.model": "skin",
        "lradapt.version": "3f9c21d07a4e",
        "lradapt.verdict": "promote",
        "lradapt.promoted": "no",
        "lradapt.previous": "000000000000",
    }


def test_a_dry_run_has_no_version(paths):
    tracked = collect(paths, "skin", None, [])
    assert (tracked.name, tracked.note, tracked.tags["lradapt.verdict"]) == ("dry run",) * 3
    assert "lradapt.version" not in tracked.tags


def test_a_run_is_the_same_after_it_was_written_as_json(paths, tmp_path):
    tracked = collect(paths, "skin", None, [Path("a.html")])
    write_json(tmp_path / "run.json", asdict(tracked))
    assert TrackedRun(**read_json(tmp_path / "run.json")) == tracked
