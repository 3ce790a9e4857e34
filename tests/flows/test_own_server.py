"""The temporary server: it ends with its flow, and is started again if it is killed."""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

import httpx
import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows import own_server, program
from lradapt.cli import exit_codes
from lradapt.errors import LradaptError
from tests.prefect_server import free_port
from tests.projects import PROGRAMS, ROOT
from tests.waiting import wait_for

START = """
import sys, time
from flows import own_server
code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
kept = own_server.run([sys.executable, "-c", code], {})
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def none_begun():
    """Let each test begin a server of its own."""
    own_server.begin.cache_clear()
    yield
    own_server.begin.cache_clear()


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
    started = own_server.run([sys.executable, "-c", code], PROGRAMS)
    assert os.getpgid(started.pid) == started.pid != os.getpgid(0)
    started.stdin.close()
    assert started.wait(60) != 0


def server_of(process):
    return own_server.Server(1, {"A": "1"}, process, threading.Event())


def short_lived():
    """A process that has ended."""
    return SimpleNamespace(wait=lambda: -9)


@pytest.fixture
def starts(monkeypatch):
    """The commands that were started, each a process that ends at once."""
    commands = []
    monkeypatch.setattr(
        own_server, "run", lambda *started: commands.append(started) or short_lived()
    )
    return commands


def test_one_that_is_killed_is_started_again_at_most_three_times(starts, caplog):
    own_server.keep_running(server_of(short_lived()))
    assert starts == [(own_server.command(1), {"A": "1"})] * 3
    assert caplog.text.count("it is started again") == 3
    assert "it is not started again" in caplog.text


def test_one_that_has_ended_with_its_flow_is_not(starts):
    server = server_of(short_lived())
    server.ending.set()
    own_server.keep_running(server)
    assert starts == []


def test_a_server_that_cannot_start_is_one_message(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setattr(own_server, "command", lambda _: [sys.executable, "-c", "exit(3)"])
    with (
        temporary_settings({PREFECT_API_URL: None}),
        pytest.raises(
            LradaptError, match="no server of Prefect answers: it ended with exit code 3"
        ),
    ):
        program.start_server()


@pytest.fixture
def sleeping(tmp_path, monkeypatch):
    """A project whose server only sleeps."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dvc.yaml").touch()
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    monkeypatch.setattr(own_server, "command", lambda _: sleep)


@pytest.mark.parametrize(
    ("words", "begins"),
    [
        ("python -m flows.retrain", True),
        ("python -m flows.watch_labels --commit", True),
        ("python -m flows.retrain --plan --json", False),
        ("python -m flows.retrain --help", False),
        ("python -m flows.ui", False),
        ("python flows/retrain.py", False),
        ("python -m", False),
    ],
)
def test_it_begins_early_for_a_flow_that_runs(sleeping, words, begins):
    own_server.begin_early(words.split())
    assert own_server.begin.cache_info().currsize == begins
    own_server.discard()


def test_it_does_not_begin_early_where_a_server_is_named(sleeping, monkeypatch):
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    own_server.begin_early(["python", "-m", "flows.retrain"])
    assert not own_server.begin.cache_info().currsize


def test_it_does_not_begin_early_outside_a_project(sleeping, tmp_path):
    (tmp_path / "dvc.yaml").unlink()
    own_server.begin_early(["python", "-m", "flows.retrain"])
    assert not own_server.begin.cache_info().currsize


def test_one_that_has_begun_ends_where_a_file_of_prefect_names_another(sleeping, monkeypatch):
    begun = own_server.begin()
    url = f"http://127.0.0.1:{free_port()}/api"
    with temporary_settings({PREFECT_API_URL: url}), pytest.raises(LradaptError):
        program.start_server()
    assert begun.process.poll() is not None


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
