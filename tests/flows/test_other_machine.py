"""A stage with a queue runs in another clone, by a worker of that pool; the lock is as on one."""

import json
import shutil

import pytest
import yaml
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.workers.process import ProcessWorker

from tasks import elsewhere, graph, stages
from tests.prefect_server import server, wait_for, worker
from tests.projects import ROOT, dvc, run

pytestmark = pytest.mark.slow

PROJECT = """
vars: [{path: {timings: reports/timings.json}}]
stages:
  decode: {cmd: tr a-z A-Z < data/notes.txt > pixels.txt, deps: [data/notes.txt],
    outs: [pixels.txt: {push: false}]}
  split: {cmd: wc -l < pixels.txt > split.txt, deps: [pixels.txt], outs: [split.txt]}
  train: {cmd: sh train.sh > model.txt, deps: [pixels.txt, split.txt, train.sh], params: [rate],
    outs: [model.txt], meta: {queue: gpu}}
  examine: {cmd: "sh train.sh > table.txt && cat model.txt > metrics.json",
    deps: [model.txt], outs: [table.txt], metrics: [metrics.json: {cache: false}],
    meta: {queue: gpu}}
  tell: {cmd: cat model.txt metrics.json > told.txt, deps: [model.txt, metrics.json],
    outs: [told.txt], meta: {queue: cpu}}
"""
TRAIN = """
pwd >> ran.log
mkdir -p reports && echo '{"train": {"seconds": 7}}' > reports/timings.json
if test -e fail; then echo loading; echo "error: the loss is not finite"; exit 1; fi
cat pixels.txt params.yaml
"""
DRIVE = """
from prefect import flow
from tasks import graph, stages

@flow
def drive():
    stages.reproduce_stale(graph.read_plan("dvc.yaml"))
"""
FILES = {
    "dvc.yaml": PROJECT,
    "train.sh": TRAIN,
    "drive.py": DRIVE,
    "params.yaml": "rate: 0.00001\nnote: none\n",
    ".gitignore": "*.txt\n*.log\n*.pyc\nmetrics.json\nreports\n.lradapt\n",
}


def commit(folder):
    run(folder, "git", "add", "-A")
    run(folder, "git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "a version")


@pytest.fixture(scope="module")
def machines(tmp_path_factory, moto):
    """Two clones, `here` and `there`, one DVC remote on S3; what leads to the remote."""
    here, there = (tmp_path_factory.mktemp(name) for name in ("here", "there"))
    bucket = moto.bucket()
    run(here, "git", "init", "-q")
    dvc(here, "init", "-q")
    dvc(here, "remote", "add", "-d", "store", f"s3://{bucket.name}/dvc")
    dvc(here, "remote", "modify", "store", "endpointurl", bucket.endpoint)
    for name, text in FILES.items():
        (here / name).write_text(text)
    commit(here)
    there.rmdir()
    run(here, "git", "clone", "-q", str(here), str(there))
    (here / "data").mkdir()
    (here / "data/notes.txt").write_text("a\nb\n")
    dvc(here, "add", "-q", "data/notes.txt")
    return here, there, bucket.settings


@pytest.fixture(scope="module")
def environment(tmp_path_factory, machines):
    _, _, credentials = machines
    with server(tmp_path_factory.mktemp("prefect")) as settings:
        yield settings | credentials | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def workers(machines, environment):
    """Pools, deployments, and a worker of `cpu` here and of `gpu` there."""
    here, there, _ = machines
    with (
        temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        deploy(client, "cpu", "drive", "drive.py:drive", here)
        deploy(client, "gpu", "stage", "flows.stage.stage", there)
    with worker(here, environment, "cpu"), worker(there, environment, "gpu"):
        yield


def deploy(client, pool, name, entrypoint, folder):
    template = ProcessWorker.get_default_base_job_template()
    client.create_work_pool(
        WorkPoolCreate(name=pool, type=ProcessWorker.type, base_job_template=template)
    )
    step = {"prefect.deployments.steps.set_working_directory": {"directory": str(folder)}}
    client.create_deployment(
        client.create_flow_from_name(name),
        f"{name}-{pool}",
        entrypoint=entrypoint,
        work_pool_name=pool,
        pull_steps=[step],
        enforce_parameter_schema=False,
    )


@pytest.fixture
def client(environment, machines, monkeypatch):
    """A client of the server, whose settings this process has while it works in `here`."""
    here, _, credentials = machines
    monkeypatch.chdir(here)
    for name, value in credentials.items():
        monkeypatch.setenv(name, value)
    with (
        temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}),
        get_client(sync_client=True) as client,
    ):
        yield client


@flow
def drive():
    stages.reproduce_stale(graph.read_plan("dvc.yaml"))


def on_one_machine(here, folder):
    """The lock that `dvc repro` makes of the same files in one clone."""
    run(here, "git", "clone", "-q", str(here), str(folder))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(here / name, folder / name)
    shutil.copytree(here / "data", folder / "data", dirs_exist_ok=True)
    dvc(folder, "repro", "-q")
    return (folder / "dvc.lock").read_text()


def test_the_lock_is_as_on_one_machine(workers, machines, client, tmp_path):
    here, there, _ = machines
    deployment = client.read_deployment_by_name("drive/drive-cpu")
    flow_run = client.create_flow_run_from_deployment(deployment.id).id
    wait_for(lambda: client.read_flow_run(flow_run).state.is_final(), seconds=300)
    state = client.read_flow_run(flow_run).state
    assert state.is_completed(), state.message

    scratch = there / ".lradapt/elsewhere/project"
    assert (scratch / "ran.log").read_text().splitlines() == [str(scratch)] * 2
    assert not (here / "ran.log").exists()
    assert (here / "dvc.lock").read_text() == on_one_machine(here, tmp_path / "one")
    assert (here / "metrics.json").read_bytes() == (tmp_path / "one/metrics.json").read_bytes()
    assert json.loads((here / "reports/timings.json").read_text()) == {"train": {"seconds": 7}}
    assert "up to date" in dvc(here, "repro").stdout
