"""The whole update on a bucket, with a person's word: what it leaves there, and in Prefect's UI."""

import re
import threading

import pytest
import yaml
from path_table import path_variables
from prefect import flow
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    LogFilter,
    LogFilterFlowRunId,
)

from flows.watch_labels import watch_labels
from lradapt.production import publish
from lradapt.registry import open_registry
from lradapt.registry.store import DeniedError, UnreachableError
from tasks import approval, release
from tests.prefect_server import answer, connected
from tests.projects import dvc
from tests.s3_servers import SECRET_KEY

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def client(served):
    with connected(served) as found:
        yield found


@pytest.mark.parametrize(("error", "tries"), [(UnreachableError, 3), (DeniedError, 1)])
def test_what_may_pass_is_tried_again_and_a_denial_is_not(error, tries, monkeypatch, tmp_path):
    asked = []

    def refuse(*words):
        asked.append(words)
        raise error("no")

    monkeypatch.setattr(publish, "is_published", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text(path_variables(onnx="dvc.yaml"))

    @flow(persist_result=False)
    def ask():
        return release.is_published.with_options(retry_delay_seconds=0)(open_registry("registry"))

    with pytest.raises(error):
        ask()
    assert len(asked) == tries


@pytest.fixture(scope="module")
def before(client):
    """The runs that the server has of other tests."""
    return {run.id for run in client.read_flow_runs()}


@pytest.fixture(scope="module")
def on_s3(known, moto, served, before, tmp_path_factory):
    """The update on a bucket, approved by Ada; the bucket, and what the flow returned."""
    bucket, empty = moto.bucket(), tmp_path_factory.mktemp("aws") / "empty"
    empty.touch()  # DVC's client of S3 wants files
    params = yaml.safe_load((known / "params.yaml").read_text())
    params["finetune"]["num_cycles"] = 3  # so that it trains, well enough to be promoted
    (known / "params.yaml").write_text(yaml.safe_dump(params))
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), str(empty))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(approval, "POLL_SECONDS", 1)
        patch.chdir(known)
        for name, value in {**bucket.settings, **files}.items():
            patch.setenv(name, value)
        dvc(known, "remote", "add", "-d", "store", f"{bucket.url}/data")
        dvc(known, "remote", "modify", "store", "endpointurl", bucket.endpoint)
        reply = {"approve": True, "by": "Ada", "reason": "seen"}
        person = threading.Thread(target=answer, args=(served, reply, []), daemon=True)
        person.start()
        decision, outcome = watch_labels(location=bucket.url, approval_seconds=600)
        person.join(60)
        assert not person.is_alive(), f"nothing was to be approved: {outcome.verdict.reason}"
        yield (
            bucket,
            decision,
            outcome,
            open_registry(bucket.url).production(),
        )


@pytest.fixture(scope="module")
def runs(on_s3, before, client):
    """The runs of the update."""
    return [run for run in client.read_flow_runs() if run.id not in before]


@pytest.fixture(scope="module")
def shown(runs, client):
    """Their artifacts."""
    own = FlowRunFilter(id=FlowRunFilterId(any_=[run.id for run in runs]))
    return client.read_artifacts(flow_run_filter=own)


@pytest.mark.long
def test_data_are_watched_trained_published_approved_and_promoted_on_s3(on_s3):
    bucket, decision, outcome, production = on_s3
    assert decision.retrain
    assert production.promotion == outcome.promotion
    assert production.promotion.reason.endswith("approved by Ada: seen")
    assert outcome.fault == ""
    pushed = bucket.client().list_objects_v2(Bucket=bucket.name, Prefix="models/data/files")
    assert pushed["KeyCount"] > 10


@pytest.mark.long
def test_no_secret_of_s3_is_in_anything_that_prefect_keeps(runs, shown, client):
    own = LogFilterFlowRunId(any_=[run.id for run in runs])
    logs = client.read_logs(LogFilter(flow_run_id=own))
    for kept in (runs, shown, logs):
        assert kept
        assert SECRET_KEY not in "".join(each.model_dump_json() for each in kept)


@pytest.mark.long
def test_the_run_has_the_name_and_the_tags_of_its_data_and_architecture(runs):
    (run,) = [run for run in runs if run.name.startswith("resnet18 on data")]
    version = run.name.removeprefix("resnet18 on data ")
    assert len(version) == 8
    assert set(run.tags) == {"resnet18", f"data-{version}"}


@pytest.mark.long
def test_the_ui_shows_plan_changes_rates_seconds_confusion_and_verdict(on_s3, shown):
    bucket, _, outcome, _ = on_s3
    output = {each.key: each.data for each in shown}
    assert re.search(r"\| `finetune` \| (?!up to date)\w+", output["plan"])
    assert "nothing has been trained yet" in output["data-changes"]
    assert "![Range test of the head](data:image/png;base64," in output["rates"]
    assert re.search(r"\| finetune \| \d+\.\d \|", output["seconds-and-cost"])
    assert "![confusion matrix](data:image/png;base64," in output["confusion-matrix"]
    assert output["verdict"].startswith("**promote**: it is the first model")
    assert f"lradapt show {outcome.version} --registry {bucket.url}" in output["verdict"]
    assert "| accuracy |" in output["summary"]
