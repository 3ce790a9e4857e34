"""Weights & Biases: offline, a run is a folder that `wandb sync` uploads."""

import logging
from pathlib import Path

import pytest

from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.runtime.files import write_text
from tasks import tracking
from tests.finished_training import write_outputs
from tests.tracking.servers import is_installed, silent_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_installed("wandb"),
        reason="wandb is not installed: pip install --constraint constraints.txt '.[wandb]'",
    ),
]
OUTCOME = Outcome("3f9c21d07a4e", Verdict(decision="keep", reason="it is worse"), None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose training has ended; its paths."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("WANDB_API_KEY", "WANDB_PROJECT", "WANDB_BASE_URL", "WANDB_MODE"):
        monkeypatch.delenv(name, raising=False)
    paths = write_outputs()
    write_text(paths.report, "<html>the report</html>")
    return paths


def logged(caplog):
    return [(each.levelname, each.getMessage()) for each in caplog.records]


def records(folder):
    """The records of the one offline run below a folder, by their kinds."""
    from wandb.proto.wandb_internal_pb2 import Record
    from wandb.sdk.internal.datastore import DataStore

    (path,) = folder.glob("wandb/offline-run-*/*.wandb")
    store = DataStore()
    store.open_for_scan(str(path))
    found = []
    while data := store.scan_data():
        record = Record()
        record.ParseFromString(data)
        found.append((record.WhichOneof("record_type"), record))
    store.close()
    return found


def test_an_offline_run_has_params_figures_epochs_verdict_report_and_card(
    project, monkeypatch, caplog, tmp_path
):
    monkeypatch.setenv("WANDB_MODE", "offline")
    caplog.set_level(logging.INFO, logger="lradapt.tracking")
    tracking.track.fn("wandb", "skin", OUTCOME, 120.0)

    ((level, line),) = logged(caplog)
    assert (level, line.startswith("wandb: /")) == ("INFO", True)
    folder = Path(line.removeprefix("wandb: "))
    assert folder.parent == tmp_path / "wandb"
    found = records(tmp_path)
    (run,) = (record.run for kind, record in found if kind == "run")
    assert (run.project, run.display_name) == ("lradapt", "3f9c21d07a4e")
    assert run.notes.endswith("it is worse")
    config = {item.key: item.value_json for item in run.config.update}
    assert config["finetune.num_cycles"] == "3"
    assert config["lradapt.verdict"] == '"keep"'
    steps = [
        {"/".join(item.nested_key) or item.key: item.value_json for item in record.history.item}
        for kind, record in found
        if kind == "history"
    ]
    losses = [step["head/validation_loss"] for step in steps if "head/validation_loss" in step]
    assert losses == ["1.4"]
    assert (folder / "files/report.html").read_text() == "<html>the report</html>"
    assert (folder / "files/model_card.md").read_text().startswith("# Model card: skin\n")


def test_a_server_that_does_not_answer_costs_the_limit_of_time_and_one_warning(
    project, monkeypatch, caplog
):
    with silent_server() as address:
        monkeypatch.setenv("WANDB_BASE_URL", address.replace("ada:hunter22@", ""))
        monkeypatch.setenv("WANDB_API_KEY", "0123456789" * 4)
        tracking.track.fn("wandb", "skin", OUTCOME, 10.0)
    reason = "no answer within 10 seconds (track.max_seconds)"
    assert logged(caplog) == [("WARNING", f"wandb: this run is not recorded there: {reason}")]


def test_without_a_key_there_is_one_warning_and_no_question(project, monkeypatch, caplog):
    tracking.track.fn("wandb", "skin", OUTCOME, 60.0)
    ((level, line),) = logged(caplog)
    assert level == "WARNING"
    assert "key" in line.lower()
