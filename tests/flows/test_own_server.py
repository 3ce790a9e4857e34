"""The temporary server: it ends with its flow, and is started again if it is killed."""

import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import httpx
import pytest
from prefect.server.api import server as prefect_server

from flows import own_server, program
from lradapt.cli import exit_codes
from lradapt.errors import LradaptError
from tests.projects import PROGRAMS, ROOT, wait_for

START = """
import sys, time
from prefect.server.api import server
from flows import own_server
with own_server.supervised():
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    kept = server.subprocess.Popen(args=[sys.executable, "-c", code], env={})
time.sleep(600)
"""


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_it_ends_with_its_flow_after_kill_9(tmp_path):
    environment = PROGRAMS | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(tmp_path)}
    command = [sys.executable, "-c", START]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as flow:
        server = int(flow.stdout.readline())
        assert is_running(server)
        flow.kill()
    wait_for(lambda: not is_running(server), seconds=60)


def test_a_signal_to_the_group_of_its_flow_does_not_reach_it(tmp_path):
    code = "import time; print('up', flush=True); time.sleep(600)"
    started = own_server._supervised([sys.executable, "-c", code], PROGRAMS)
    assert os.getpgid(started.pid) == started.pid != os.getpgid(0)
    started.stdin.close()
    assert started.wait(60) != 0


def short_lived(code):
    """A process that has ended with this code."""
    return SimpleNamespace(wait=lambda: code)


@pytest.fixture
def restarted(monkeypatch):
    """A function: keep a server running whose processes end at once; how often it was started."""

    def keep(server_process):
        starts = []
        server = SimpleNamespace(server_process=server_process)
        server._run_uvicorn_command = lambda: starts.append(1) or short_lived(-9)
        own_server._keep_running(server)
        return len(starts)

    yield keep
    own_server._ending.clear()


def test_one_that_is_killed_is_started_again_at_most_three_times(restarted, caplog):
    assert restarted(short_lived(-signal.SIGKILL)) == 3
    assert caplog.text.count("it is started again") == 3
    assert "it is not started again" in caplog.text


def test_one_that_is_started_again_ends_with_its_flow_too():
    used = []

    def start():
        used.append(prefect_server.subprocess.Popen)
        own_server._ending.set()
        return short_lived(0)

    server = SimpleNamespace(server_process=short_lived(-9), _run_uvicorn_command=start)
    try:
        own_server._keep_running(server)
    finally:
        own_server._ending.clear()
    assert used == [own_server._supervised]


def test_one_that_has_ended_with_its_flow_is_not(restarted):
    own_server._ending.set()
    assert restarted(short_lived(0)) == 0


def test_one_that_was_never_started_is_not(restarted):
    assert restarted(None) == 0


def test_a_server_that_is_gone_is_one_message_that_names_what_is_kept():
    output = r"no usable answer \(ConnectError: .*\).* What its stages have made is kept"
    with pytest.raises(LradaptError, match=output), program.lost_server_as_error():
        raise httpx.ConnectError("All connection attempts failed")


def test_a_flow_whose_server_is_gone_ends_with_that_message(monkeypatch, capsys):
    monkeypatch.setattr("signal.signal", lambda *_: None)
    with pytest.raises(SystemExit) as ended, program.session():
        raise httpx.ConnectError("All connection attempts failed")
    assert ended.value.code == exit_codes.FAILED
    assert "Prefect's server gave no usable answer" in capsys.readouterr().err
