"""A stage with a queue runs in another clone, by a worker of that pool; the lock is as on one."""

import json
import shutil
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
import yaml
from path_table import path_variables
from prefect import flow
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.workers.process import ProcessWorker

from tasks import stages
from tasks.pipeline.plan import Node
from tasks.remote import dispatch as elsewhere
from tasks.remote import results as answer
from tasks.remote.dispatch import ElsewhereError
from tasks.remote.results import MisfitError
from tests.prefect_server import connected, worker
from tests.projects import ROOT, dvc, run
from tests.waiting import wait_for

pytestmark = pytest.mark.slow

STAGES = """\
stages:
  decode: {cmd: tr a-z A-Z < data/notes.txt > pixels.txt, deps: [data/notes.txt],
    outs: [pixels.txt: {push: false}]}
  split: {cmd: wc -l < pixels.txt > split.txt, deps: [pixels.txt], outs: [split.txt]}
  train: {cmd: sh train.sh > model.txt, deps: [pixels.txt, split.txt, train.sh],
    params: [rate, note], outs: [model.txt], meta: {queue: gpu}}
  examine: {cmd: "sh train.sh > table.txt && cat model.txt > metrics.json",
    deps: [model.txt], outs: [table.txt], metrics: [metrics.json: {cache: false}],
    meta: {queue: gpu}}
  tell: {cmd: cat model.txt metrics.json > output.txt, deps: [model.txt, metrics.json],
    outs: [output.txt], meta: {queue: cpu}}
"""
PROJECT = path_variables() + STAGES
TRAIN = """
pwd >> ran.log
mkdir -p reports && echo '{"train": {"seconds": 7}}' > reports/timings.json
if grep -q fail params.yaml; then
  echo loading >&2
  echo "error: the loss is not finite" >&2
  exit 1
fi
if grep -q slow params.yaml; then sleep 613; fi
cat pixels.txt params.yaml
"""
DRIVE = """
from prefect import flow
from tasks import stages
from tasks.pipeline.plan import read_plan


@flow
def drive():
    stages.reproduce_stale(read_plan("dvc.yaml"))
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
def environment(served, machines):
    _, _, credentials = machines
    return served | credentials | {"PYTHONPATH": str(ROOT)}


@pytest.fixture(scope="module")
def pools(machines, environment):
    """Pools and deployments, without a worker."""
    here, there, _ = machines
    with connected(environment) as client:
        deploy(client, "cpu", "drive", "drive.py:drive", here)
        deploy(client, "gpu", "stage", "flows.remote_stage.stage", there)
        deploy(client, "idle", "stage", "flows.remote_stage.stage", there)


@pytest.fixture(scope="module")
def workers(pools, machines, environment):
    """A worker of `cpu` here and one of `gpu` there."""
    here, there, _ = machines
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
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name)  # dvc-s3 takes /dev/null for a missing file
    with connected(environment) as found:
        yield found


@flow(validate_parameters=False)
def drive(plan):
    stages.reproduce_stale(plan)


@contextmanager
def changed(path, before, after):
    """A block in which a file says something else."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    try:
        yield
    finally:
        path.write_text(text)


def stale(address, queue):
    """A plan of one stage that is stale and has a queue."""
    return [Node(address, ("it changed",), meta={"queue": queue})]


def on_one_machine(here, folder):
    """The lock that `dvc repro` makes of the same files in one clone."""
    run(here, "git", "clone", "-q", str(here), str(folder))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(here / name, folder / name)
    shutil.copytree(here / "data", folder / "data", dirs_exist_ok=True)
    dvc(folder, "repro", "-q")
    return (folder / "dvc.lock").read_text()


def test_a_call_that_no_worker_takes_is_given_up_and_cancelled(
    pools, machines, client, monkeypatch
):
    monkeypatch.setattr(elsewhere, "NO_WORKER_SECONDS", 1)
    with (
        changed(machines[0] / "params.yaml", "note: none", "note: idle"),
        pytest.raises(ElsewhereError, match=r"pool idle has had no worker .*worker --pool idle`"),
    ):
        drive(stale("train", "idle"))
    newest = max(client.read_flow_runs(), key=lambda each: each.created)
    assert newest.work_pool_name == "idle"
    assert newest.state.is_cancelled()


def test_a_pool_without_a_deployment_is_reported_before_anything_runs(pools, machines, client):
    with pytest.raises(ElsewhereError, match=r"has no deployment stage/stage-tpu, .*make deploy"):
        elsewhere.choose(stale("train", "tpu"))


def test_uncommitted_code_is_reported_before_anything_runs(pools, machines, client):
    here, _, _ = machines
    with (
        changed(here / "train.sh", "loading", "working"),
        changed(here / "params.yaml", "note: none", "note: one"),
        changed(here / "drive.py", "drive", "drives"),  # not code of the stage
        pytest.raises(ElsewhereError, match=r"\(train\) is not committed") as error,
    ):
        elsewhere.choose(stale("train", "gpu"))
    assert str(error.value).endswith(":\n  - train.sh")


def test_a_missing_remote_is_reported_before_anything_runs(pools, machines, client):
    here, _, _ = machines
    with (
        changed(here / ".dvc/config", "remote = store", ""),
        pytest.raises(ElsewhereError, match=r"no DVC remote .*train \(pool gpu\).*remote add"),
    ):
        elsewhere.choose(stale("train", "gpu"))


def test_outputs_that_never_leave_their_machine_cannot_be_made_elsewhere(pools, client):
    with pytest.raises(ElsewhereError, match=r"push: false.*\n  - decode: pixels.txt"):
        elsewhere.choose(stale("decode", "gpu"))


def test_a_stage_without_a_queue_or_with_this_one_stays_here(pools, client, monkeypatch):
    assert elsewhere.choose([Node("train", ("it changed",))]) == {}
    assert elsewhere.choose([Node("train", meta={"queue": "gpu"})]) == {}
    assert elsewhere.choose(stale("train", "gpu")) == {"train": "gpu"}
    deployment = client.read_deployment_by_name("stage/stage-idle")
    own = client.create_flow_run_from_deployment(deployment.id)
    monkeypatch.setenv("PREFECT__FLOW_RUN_ID", str(own.id))
    assert elsewhere.choose(stale("train", "idle")) == {}


@pytest.mark.long
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


@pytest.mark.long
def test_what_the_other_machine_has_done_before_it_does_not_do_again(workers, machines, client):
    here, there, _ = machines
    before = yaml.safe_load((here / "dvc.lock").read_text())
    less = {name: entry for name, entry in before["stages"].items() if name != "train"}
    (here / "dvc.lock").write_text(yaml.safe_dump({**before, "stages": less}))
    drive(stale("train", "gpu"))
    assert yaml.safe_load((here / "dvc.lock").read_text()) == before
    assert len((there / ".lradapt/elsewhere/project/ran.log").read_text().splitlines()) == 2


@pytest.mark.long
def test_nothing_is_called_where_nothing_has_changed_after_all(workers, machines, client, caplog):
    caplog.set_level("INFO", logger="lradapt")
    drive(stale("train", "gpu"))
    assert "train: already up to date" in caplog.messages


@pytest.mark.long
def test_a_stage_that_fails_there_is_reported_here_in_its_own_words(workers, machines, client):
    here, _, _ = machines
    before = (here / "dvc.lock").read_text()
    with (
        changed(here / "params.yaml", "note: none", "note: fail"),
        pytest.raises(ElsewhereError, match="train has not run in pool gpu") as error,
    ):
        drive(stale("train", "gpu"))
    assert str(error.value).endswith(":\nerror: the loss is not finite")
    assert (here / "dvc.lock").read_text() == before


@pytest.mark.long
def test_a_commit_that_the_other_machine_cannot_get_is_reported(workers, machines, client):
    here, there, _ = machines
    run(there, "git", "remote", "set-url", "origin", str(there / "nowhere"))
    (here / "train.sh").write_text(TRAIN + "# more\n")
    commit(here)
    with pytest.raises(ElsewhereError, match=rf"is not in the git of {there} on .*`git push`"):
        drive(stale("train", "gpu"))
    run(there, "git", "remote", "set-url", "origin", str(here))


@pytest.mark.long
def test_a_call_whose_flow_is_cancelled_ends_there_too(workers, machines, client, monkeypatch):
    here, there, _ = machines
    ran = there / ".lradapt/elsewhere/project/ran.log"
    before = ran.read_text()

    class CancelledError(BaseException):
        pass

    def cancel(seconds):
        time.sleep(seconds)
        if ran.read_text() != before:
            raise CancelledError

    monkeypatch.setattr(elsewhere, "time", SimpleNamespace(monotonic=time.monotonic, sleep=cancel))
    with changed(here / "params.yaml", "note: none", "note: slow"), pytest.raises(CancelledError):
        drive(stale("train", "gpu"))
    newest = max(client.read_flow_runs(), key=lambda each: each.created)
    assert newest.work_pool_name == "gpu"
    wait_for(lambda: client.read_flow_run(newest.id).state.is_cancelled(), seconds=120)
    assert run(here, "pgrep", "-f", "sleep 613", check=False).stdout == ""


@pytest.mark.long
def test_an_answer_of_other_files_changes_no_lock(workers, machines, client):
    here, _, _ = machines
    before = (here / "dvc.lock").read_text()
    right = answer.collect("train")
    wrong = answer.Answer(right.entry.replace("rate: 1e-05", "rate: 2e-05"), {}, {})
    assert wrong.entry != right.entry
    with pytest.raises(MisfitError, match="train was made on another machine from other files"):
        answer.accept("train", wrong)
    assert (here / "dvc.lock").read_text() == before
