"""The whole update against a bucket, a person's word included; and what of a bucket is retried."""

import threading

import pytest
from prefect import flow
from prefect.testing.utilities import prefect_test_harness

from flows.watch_labels import watch_labels
from lradapt import release
from lradapt.registry import open_store, versions
from lradapt.registry.store import DeniedError, UnreachableError
from tasks import approval, registry
from tests.projects import answer, dvc

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def _server():
    with prefect_test_harness(server_startup_timeout=300):
        yield


@pytest.mark.parametrize(("error", "tries"), [(UnreachableError, 3), (DeniedError, 1)])
@pytest.mark.usefixtures("_server")
def test_what_may_pass_is_tried_again_and_a_denial_is_not(error, tries, monkeypatch, tmp_path):
    asked = []

    def refuse(*words):
        asked.append(words)
        raise error("no")

    monkeypatch.setattr(release, "is_published", refuse)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").write_text("vars: [{path: {onnx: dvc.yaml}}]\n")

    @flow(persist_result=False)
    def ask():
        return registry.is_published.with_options(retry_delay_seconds=0)("registry", "moles")

    with pytest.raises(error):
        ask()
    assert len(asked) == tries


@pytest.mark.usefixtures("_server")
def test_data_are_watched_trained_published_approved_and_promoted_on_s3(
    project, bucket, monkeypatch, tmp_path
):
    empty = tmp_path / "empty"
    empty.touch()  # DVC's client of S3 wants files
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(empty))
    monkeypatch.setattr(approval, "POLL_SECONDS", 1)
    monkeypatch.chdir(project)
    dvc(project, "remote", "add", "-d", "store", f"{bucket.url}/data")
    dvc(project, "remote", "modify", "store", "endpointurl", bucket.endpoint)
    person = threading.Thread(
        target=answer, args=({"approve": True, "who": "Ada", "why": "seen"}, [])
    )
    person.start()
    decision, outcome = watch_labels(location=bucket.url, approval_seconds=600)
    person.join()
    assert decision.retrain
    move = versions.read_production(open_store(bucket.url), "classifier").move
    assert move == outcome.move
    assert move.why.endswith("approved by Ada: seen")
    assert outcome.fault == ""
    pushed = bucket.client().list_objects_v2(Bucket=bucket.name, Prefix="models/data/files")
    assert pushed["KeyCount"] > 10
