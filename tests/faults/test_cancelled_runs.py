"""Runs that are cancelled, or whose server goes: nothing of ours lives on, the next run goes on.

The project is a small one, of one stage that does what a training does: it holds the stage's lock,
tells its progress, and at SIGTERM leaves a checkpoint.
"""

import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
)
from prefect.states import Cancelling

from lradapt.cli import exit_codes
from tests import prefect_server
from tests.prefect_server import connected, is_healthy, process, settings, worker
from tests.projects import ROOT, dvc, run
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

API, MARK = "PREFECT_API_URL", "LRADAPT_TEST_MARK"
LIMIT_SECONDS = 180  # 3 to 15 s where this was measured, beside other programs
TRAIN = """
import json, os, signal, sys, time
from pathlib import Path
from lradapt.runtime import lock

CHECKPOINT = Path(".lradapt/checkpoint")

def end(*_):
    CHECKPOINT.write_text(str(step))
    print(f"checkpoint at step {step}", flush=True)
    sys.exit(143)

with lock.stage():
    step = first = int(CHECKPOINT.read_text()) if CHECKPOINT.exists() else 0
    signal.signal(signal.SIGTERM, end)
    with open("begun", "a") as file:
        file.write(f"{first}\\n")
    while not Path("enough").exists():
        step += 1
        line = {"what": "epoch 1", "done": step, "total": 999, "unit": "steps", "seconds": step}
        with open(os.environ["LRADAPT_PROGRESS"], "a") as file:
            file.write(json.dumps(line) + "\\n")
        time.sleep(0.2)
    Path("model").write_text("trained")
"""
DRIVE = """
from flows.program import session, start_server  # before Prefect: flows sets its settings
from prefect import flow
from lradapt.runtime import lock
from tasks import stages
from tasks.pipeline.plan import read_plan
from tasks.processes.child import forked_commands

@flow(persist_result=False)
def drive():
    with lock.run(), forked_commands():
        stages.reproduce_stale(read_plan("dvc.yaml"))

if __name__ == "__main__":
    with session():
        start_server()
        drive()
"""
DEPLOY = """
from pathlib import Path
from prefect import flow

flow.from_source(str(Path.cwd()), "drive.py:drive").deploy(
    "drive", work_pool_name="test", build=False, print_next_steps=False,
    job_variables={"stream_output": False},
)
"""


@pytest.fixture
def small(tmp_path):
    """The project; `source` is what its stage reads."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in {"train.py": TRAIN, "drive.py": DRIVE, "deploy.py": DEPLOY}.items():
        (folder / name).write_text(text)
    (folder / "source").write_text("a")
    (folder / "dvc.yaml").write_text(
        "stages: {train: {cmd: python train.py, deps: [source], outs: [model]}}\n"
    )
    run(folder, "git", "init", "-q")
    dvc(folder, "init", "-q")
    return folder


def new_settings(home):
    """Of a process that uses a server at a free port, and whose children can be found again."""
    own = settings(home, prefect_server.free_port())
    return own | {MARK: uuid.uuid4().hex, "PYTHONPATH": str(ROOT)}


@contextmanager
def serving(home, environment):
    """The server that `environment` names; unmarked, since it is nobody's child."""
    url = environment[API]
    own = {name: value for name, value in environment.items() if name not in (API, MARK)}
    port = url.rpartition(":")[2].partition("/")[0]
    words = ("-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", port)
    with process(home, own, *words) as started:
        wait_for(lambda: is_healthy(url), seconds=180)
        yield started


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    home = tmp_path_factory.mktemp("prefect")
    found = new_settings(home)
    with serving(home, found):
        yield found


def ours(environment, *others):
    """The processes that inherited the mark, but for `others`; command by pid."""
    mark = f"{MARK}={environment[MARK]}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended meanwhile
            continue
    return {pid: command for pid, command in found.items() if pid not in others}


def kill_ours(environment):
    """Where a test has failed, nothing of it lives on."""
    for pid in ours(environment):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def assert_gone(environment, *others):
    """Within the limit no process of ours is left."""
    wait_for(
        lambda: not ours(environment, *others),
        seconds=LIMIT_SECONDS,
        said=lambda: str(ours(environment, *others)),
    )


def assert_free(folder):
    """Nobody holds the locks of run and stage."""
    code = "from lradapt.runtime import lock\nwith lock.importing(), lock.stage(): print('free')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stdout == "free\n", done.stderr


def starts(folder):
    """The steps from which the stage has begun, in order."""
    begun = folder / "begun"
    return [int(line) for line in begun.read_text().splitlines()] if begun.exists() else []


@pytest.fixture
def client(environment):
    with connected(environment) as client:
        yield client


@pytest.fixture
def deployed(small, environment, client):
    """The project, and a function that starts a run of its deployment."""
    prefect = [sys.executable, "-m", "prefect", "work-pool", "create", "test"]
    if "test" not in [pool.name for pool in client.read_work_pools()]:
        subprocess.run([*prefect, "--type", "process"], env=environment, check=True)
    subprocess.run([sys.executable, "deploy.py"], cwd=small, env=environment, check=True)
    deployment = client.read_deployment_by_name("drive/drive").id
    yield small, lambda: client.create_flow_run_from_deployment(deployment).id
    kill_ours(environment)


def state_of(client, flow_run, *names):
    state = client.read_flow_run(flow_run).state
    return state if state.name in names else None


def shares(client, flow_run):
    """What the progress artifacts of a run say; empty before there is one."""
    own = ArtifactFilterFlowRunId(any_=[flow_run])
    chosen = ArtifactFilter(key=ArtifactFilterKey(any_=["progress"]), flow_run_id=own)
    return [artifact.data for artifact in client.read_artifacts(artifact_filter=chosen)]


def test_a_cancel_as_in_the_ui_leaves_no_process_and_the_next_run_goes_on(
    deployed, environment, client
):
    small, start = deployed
    with worker(small, environment, "test") as working:
        first = start()
        wait_for(lambda: starts(small), seconds=120)
        before = wait_for(lambda: shares(client, first), seconds=120)
        wait_for(lambda: shares(client, first) > before, seconds=120)  # one artifact, and it moves
        client.set_flow_run_state(first, Cancelling())
        assert_gone(environment, working.pid)
        assert_free(small)
        wait_for(lambda: state_of(client, first, "Cancelled"), seconds=120)
        assert not (small / "model").exists()

        (small / "enough").touch()
        second = start()
        wait_for(lambda: state_of(client, second, "Completed"), seconds=120)
    assert starts(small)[0] == 0 < starts(small)[1], "it was to go on from its checkpoint"
    assert (small / "model").exists()


def test_sigterm_to_the_worker_leaves_no_process_and_another_worker_goes_on(
    deployed, environment, client
):
    small, start = deployed
    with worker(small, environment, "test") as working:
        start()
        wait_for(lambda: starts(small), seconds=120)
        working.send_signal(signal.SIGTERM)
        assert_gone(environment)
    assert_free(small)
    assert not (small / "model").exists()
    (small / "enough").touch()
    with worker(small, environment, "test"):
        second = start()
        wait_for(lambda: state_of(client, second, "Completed"), seconds=120)
    # Prefect's worker kills its runs without a word: what calls the first one crashed is the
    # automation of `make deploy`, when its heartbeats have stopped.
    assert starts(small)[0] == 0 < starts(small)[1]


@contextmanager
def by_hand(folder, environment):
    """The flow as a person starts it; its output is in `folder/output`."""
    with open(folder / "output", "a") as output:
        started = subprocess.Popen(
            [sys.executable, "drive.py"],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
        try:
            yield started
        finally:
            started.kill()
            started.wait()
            kill_ours(environment)


@pytest.mark.parametrize(
    ("send", "number", "code"),
    [
        (os.kill, signal.SIGTERM, exit_codes.TERMINATED),
        # A terminal sends Ctrl-C to all that stands in it, the temporary server too.
        (os.killpg, signal.SIGINT, exit_codes.INTERRUPTED),
    ],
)
def test_a_signal_to_a_flow_by_hand_ends_its_stage_and_its_temporary_server(
    small, tmp_path, send, number, code
):
    own = new_settings(tmp_path / "home")
    del own[API]
    with by_hand(small, own) as flow:
        wait_for(lambda: starts(small), seconds=240)
        assert len(ours(own)) >= 5, "flow, server, supervisor, dvc and stage were to be found"
        send(flow.pid, number)
        assert flow.wait(LIMIT_SECONDS) == code
        assert_gone(own)
    assert_free(small)
    output = (small / "output").read_text()
    assert "checkpoint at step" in output
    assert ("stopped by Ctrl-C" in output) == (number == signal.SIGINT)
    assert "fault" not in output


def temporary_server(environment):
    """The pid of the temporary server of a flow."""
    (pid,) = (
        pid
        for pid, command in ours(environment).items()
        if "from uvicorn import main" in command and "supervisor" not in command
    )
    return pid


def test_kill_9_of_a_flow_ends_its_stage_and_its_temporary_server(small, tmp_path):
    own = new_settings(tmp_path / "home")
    del own[API]
    with by_hand(small, own) as flow:
        wait_for(lambda: starts(small), seconds=240)
        assert temporary_server(own)
        flow.kill()
        flow.wait()
        assert_gone(own)
    assert_free(small)


def test_a_temporary_server_that_is_killed_is_started_again_and_the_run_completes(small, tmp_path):
    own = new_settings(tmp_path / "home")
    del own[API]
    with by_hand(small, own) as flow:
        wait_for(lambda: starts(small), seconds=240)
        killed = temporary_server(own)
        os.kill(killed, signal.SIGKILL)
        wait_for(lambda: killed not in ours(own), seconds=120)
        (small / "enough").touch()
        assert flow.wait(300) == 0, (small / "output").read_text()
        assert_gone(own)
    assert "was killed; it is started again" in (small / "output").read_text()
    assert (small / "model").exists()


def runs(client):
    return [(one.id, one.state.name) for one in client.read_flow_runs()]


def test_a_server_that_starts_again_during_a_stage_costs_neither_the_stage_nor_the_run(
    small, tmp_path
):
    environment = new_settings(tmp_path)
    with ExitStack() as stack:
        with ExitStack() as former:
            former.enter_context(serving(tmp_path, environment))
            flow = stack.enter_context(by_hand(small, environment))
            wait_for(lambda: starts(small), seconds=120)
        time.sleep(5)
        assert flow.poll() is None, (small / "output").read_text()
        stack.enter_context(serving(tmp_path, environment))
        (small / "enough").touch()
        assert flow.wait(300) == 0, (small / "output").read_text()
        with connected(environment) as client:
            assert [name for _, name in runs(client)] == ["Completed"]
    assert (small / "model").exists()


def test_a_server_that_is_silent_for_a_minute_holds_up_no_stage(small, tmp_path):
    environment = new_settings(tmp_path)
    with ExitStack() as stack:
        silent = stack.enter_context(serving(tmp_path, environment))
        flow = stack.enter_context(by_hand(small, environment))
        wait_for(lambda: starts(small), seconds=120)
        time.sleep(5)  # its progress is shown by then
        os.killpg(silent.pid, signal.SIGSTOP)
        try:
            (small / "enough").touch()
            wait_for((small / "dvc.lock").exists, seconds=120)
            time.sleep(60)
        finally:
            os.killpg(silent.pid, signal.SIGCONT)
        flow.wait(300)
        output = (small / "output").read_text()
        assert "the server did not accept the progress" in output or flow.returncode == 0, output
        with by_hand(small, environment) as again:
            assert again.wait(300) == 0, (small / "output").read_text()
    assert starts(small) == [0], "the stage was to run once"
