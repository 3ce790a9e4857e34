"""The slot for one GPU job at a time, and runs whose process was killed."""

import os
import signal
import subprocess
import sys
import time

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from tasks.server import gpu
from tasks.server import setup as server
from tests.prefect_server import connected, process
from tests.prefect_server import server as running_server
from tests.projects import ROOT
from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

LEASE_SECONDS = 60  # the least that a server grants
HOLD = f"""
import sys, time
import flows
from prefect import flow
from tasks.server import gpu

gpu.LEASE_SECONDS = {LEASE_SECONDS}

@flow(name="benchmark")
def job(seconds):
    with gpu.slot():
        print("held", flush=True)
        time.sleep(seconds)

job(float(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """Settings of a server that has the limit and the automation, but no deployment."""
    with running_server(tmp_path_factory.mktemp("prefect")) as settings:
        with temporary_settings({PREFECT_API_URL: settings["PREFECT_API_URL"]}):
            server.ensure_slot()
            server.ensure_automations(["benchmark"], "")
        yield settings | {"PYTHONPATH": str(ROOT)}


@pytest.fixture
def client(environment):
    with connected(environment) as found:
        yield found


def holders(client):
    return client.read_global_concurrency_limit_by_name(gpu.LIMIT).active_slots


def heartbeats(client):
    """How many signs of life the server has received."""
    wanted = {"filter": {"event": {"name": ["prefect.flow-run.heartbeat"]}}}
    return client._client.post("/events/filter", json=wanted).json()["total"]


def hold(folder, environment, seconds):
    return process(folder, environment, "-c", HOLD, str(seconds))


def test_the_slot_of_a_killed_job_is_free_again_and_its_run_is_crashed(
    tmp_path, environment, client
):
    first_folder, second_folder = tmp_path / "1", tmp_path / "2"
    first_folder.mkdir(), second_folder.mkdir()
    with hold(first_folder, environment, 600) as first:
        wait_for(lambda: holders(client) == 1, seconds=60)
        wait_for(lambda: heartbeats(client) > 0, seconds=60)  # before it, nobody knows of its end
        os.kill(first.pid, signal.SIGKILL)
        with hold(second_folder, environment, 0) as second:
            begin = time.monotonic()
            wait_for(lambda: second.poll() is not None, seconds=200)
            seconds = time.monotonic() - begin
    assert second.returncode == 0
    # The lease, the server's round every 15 seconds, and the waiting job's own, of 30 at most.
    assert seconds < LEASE_SECONDS + 15 + 30 + 20
    assert holders(client) == 0

    def crashed():
        return [run for run in client.read_flow_runs() if run.state.is_crashed()]

    (run,) = wait_for(crashed, seconds=120)
    assert "no heartbeat for 90 seconds" in run.state.message


def test_a_second_job_waits_until_the_first_has_ended(tmp_path, environment, client):
    with hold(tmp_path, environment, 8) as first:
        wait_for(lambda: holders(client) == 1, seconds=60)
        done = subprocess.run(
            [sys.executable, "-c", HOLD, "0"], env=environment, cwd=tmp_path, timeout=120
        )
        assert done.returncode == 0
        assert first.poll() == 0, "both have held the GPU at once"


def test_what_needs_no_gpu_does_not_wait_for_it(tmp_path, environment, client):
    with hold(tmp_path, environment, 60):
        wait_for(lambda: holders(client) == 1, seconds=60)
        with (
            temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}),
            gpu.slot(wanted=False),
        ):
            assert holders(client) == 1


def test_where_the_server_has_no_such_limit_nobody_waits_nor_fails(environment, monkeypatch):
    monkeypatch.setattr(gpu, "LIMIT", "absent")
    with temporary_settings({PREFECT_API_URL: environment["PREFECT_API_URL"]}), gpu.slot():
        pass


def test_without_a_server_nothing_is_asked_for(monkeypatch):
    monkeypatch.setattr(gpu, "concurrency", None)
    with gpu.slot():
        pass
