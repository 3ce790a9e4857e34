"""MLflow: a real server on sqlite gets a run; one that does not answer costs a warning."""

import logging
from pathlib import Path

import pytest

from lradapt.gate.verdict import Verdict
from lradapt.production.release import Outcome
from lradapt.runtime.files import write_text
from tasks import tracking
from tests.finished_training import write_outputs
from tests.tracking.servers import is_installed, mlflow_server, silent_server

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not is_installed("mlflow-skinny"),
        reason="mlflow-skinny is not installed: pip install --constraint constraints.txt "
        "'.[mlflow]' mlflow",
    ),
]
OUTCOME = Outcome("3f9c21d07a4e", Verdict(decision="keep", reason="it is worse"), None)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project whose training has ended; its paths."""
    monkeypatch.chdir(tmp_path)
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    paths = write_outputs()
    write_text(paths.report, "<html>the report</html>")
    return paths


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a server; needs the whole of MLflow."""
    if not is_installed("mlflow"):
        pytest.skip("mlflow is not installed: pip install --constraint constraints.txt mlflow")
    with mlflow_server(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


def logged(caplog):
    return [(each.levelname, each.getMessage()) for each in caplog.records]


def test_a_server_gets_params_figures_epochs_verdict_report_and_card(
    project, server, monkeypatch, caplog, tmp_path
):
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    caplog.set_level(logging.INFO, logger="lradapt.tracking")
    tracking.track.fn("mlflow", "skin", OUTCOME, 120.0)

    client = MlflowClient(server)
    experiment = client.get_experiment_by_name("lradapt")
    (run,) = client.search_runs([experiment.experiment_id])
    address = f"{server}/#/experiments/{experiment.experiment_id}/runs/{run.info.run_id}"
    assert logged(caplog) == [("INFO", f"mlflow: {address}")]
    assert (run.info.run_name, run.info.status) == ("3f9c21d07a4e", "FINISHED")
    assert run.data.params["finetune.num_cycles"] == "3"
    assert run.data.params["body_rates.rates"] == "[0.003, 0.01, 0.03]"
    assert run.data.metrics["accuracy"] == 2 / 3
    assert run.data.tags["lradapt.verdict"] == "keep"
    assert run.data.tags["mlflow.note.content"].endswith("it is worse")
    losses = client.get_metric_history(run.info.run_id, "head/validation_loss")
    assert [(each.step, each.value) for each in losses] == [(1, 1.4)]
    kept = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert kept == {"report.html", "model_card.md"}
    card = client.download_artifacts(run.info.run_id, "model_card.md", str(tmp_path))
    assert Path(card).read_text().startswith("# Model card: skin\n")


def test_a_server_that_does_not_answer_costs_the_limit_of_time_and_one_warning(
    project, monkeypatch, caplog
):
    with silent_server() as address:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        tracking.track.fn("mlflow", "skin", OUTCOME, 8.0)
    reason = "no answer within 8 seconds (track.max_seconds)"
    assert logged(caplog) == [("WARNING", f"mlflow: this run is not recorded there: {reason}")]


def test_a_refusal_is_one_warning_without_the_password(project, monkeypatch, caplog):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://ada:hunter22@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracking.track.fn("mlflow", "skin", OUTCOME, 120.0)
    ((level, line),) = logged(caplog)
    assert level == "WARNING"
    assert line.startswith(
        "mlflow: this run is not recorded there: MlflowException: API request to"
    )
    assert "127.0.0.1" in line
    assert "hunter22" not in line
    assert "ada" not in line.replace("lradapt", "")


def test_without_the_address_of_a_server_the_warning_names_the_variable(
    project, monkeypatch, caplog
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    tracking.track.fn("mlflow", "skin", OUTCOME, 60.0)
    ((_, line),) = logged(caplog)
    assert "MLFLOW_TRACKING_URI is not set" in line
