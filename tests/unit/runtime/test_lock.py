"""One run at a time in a project; messages name the holder, and a dead holder holds nothing."""

import errno
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lradapt.errors import BusyError, LradaptError
from lradapt.runtime import lock
from tests.waiting import wait_for

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    """The folder in which this process and the others work."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LRADAPT_RUN", raising=False)
    return tmp_path


@pytest.fixture
def holding():
    """A function: a process that holds a lock ("run", "stage" or "importing") until it is ended."""
    processes = []

    def start(name, then="print('held', flush=True); sys.stdin.read()", **variables):
        code = f"import sys\nfrom lradapt.runtime import lock\nwith lock.{name}():\n    {then}"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        )
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def refusal(block):
    with pytest.raises(BusyError) as caught, block():
        raise AssertionError("the block must not be entered")
    return str(caught.value)


def test_a_second_stage_is_refused_and_the_holder_is_named(holding, project):
    pid = holding("stage").pid
    text = refusal(lock.stage)
    assert f"(pid {pid} on {os.uname().nodename}, since 20" in text
    assert re.match(
        r"`\S*python -c '?import sys from lradapt\.runtime import lock with lock\.stage", text
    )
    assert text.endswith(
        f"is active in this project ({project}): only one run at a time is allowed: wait until it "
        "ends, or stop it"
    )


def test_a_stage_outside_the_active_run_is_refused(holding, monkeypatch):
    pid = holding("run").pid
    assert f"pid {pid} " in refusal(lock.stage)
    monkeypatch.setenv("LRADAPT_RUN", str(pid + 1))
    assert f"pid {pid} " in refusal(lock.stage)


def test_a_refused_stage_leaves_nothing_locked(holding):
    run = holding("run")
    refusal(lock.stage)
    run.communicate()
    with lock.stage():
        pass


def test_the_stages_of_a_run_compute_within_it(holding):
    with lock.run():
        holding("stage").communicate()
        holding("stage").communicate()


def test_a_run_of_another_machine_is_not_our_own(monkeypatch):
    with lock.run():
        monkeypatch.setattr("socket.gethostname", lambda: "another")
        refusal(lock.stage)


@pytest.mark.parametrize("name", ["run", "stage", "importing"])
def test_an_import_is_refused_while_a_run_or_a_stage_is_active(holding, name):
    process = holding(name)
    assert f"pid {process.pid} " in refusal(lock.importing)
    process.communicate()
    with lock.importing():
        pass


def test_a_second_run_waits_with_a_message_until_the_first_has_ended(holding, caplog):
    first, entered = holding("run"), threading.Event()

    def second():
        with lock.run():
            entered.set()

    thread = threading.Thread(target=second)
    thread.start()
    wait_for(lambda: caplog.messages)
    assert not entered.wait(0.3)
    assert [message[:10] for message in caplog.messages] == ["waiting: `"]
    assert f"pid {first.pid} " in caplog.text
    first.communicate()
    assert entered.wait(60)
    thread.join()


def test_a_run_waits_for_a_stage_that_a_killed_run_left_behind(holding, caplog):
    orphan, entered = holding("stage"), threading.Event()

    def run():
        with lock.run():
            entered.set()

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(lambda: caplog.messages)
    assert not entered.wait(0.3)
    assert f"pid {orphan.pid} " in caplog.text
    orphan.kill()
    assert entered.wait(60)
    thread.join()


@pytest.mark.parametrize("name", ["run", "stage", "importing"])
def test_a_killed_holder_holds_nothing(holding, name, caplog):
    process = holding(name)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with lock.run(), lock.stage():
        pass
    assert caplog.messages == []


def test_a_run_within_a_run_is_the_same_run(caplog):
    with lock.run():
        with lock.run():
            assert os.environ["LRADAPT_RUN"] == str(os.getpid())
        with lock.stage():
            pass
        assert "LRADAPT_RUN" in os.environ
    assert "LRADAPT_RUN" not in os.environ
    assert caplog.messages == []


def test_an_import_within_a_run_is_part_of_it():
    with lock.run(), lock.importing():
        pass


def test_a_failed_run_frees_the_project(holding):
    with pytest.raises(ZeroDivisionError), lock.run():
        raise ZeroDivisionError
    holding("run")


def test_a_holder_that_has_not_yet_written_its_entry_still_holds(project):
    (project / ".lradapt").mkdir()
    with (project / ".lradapt/stage.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert refusal(lock.stage).startswith("`just started` (pid 0 on ?, since now)")


def test_the_file_names_the_last_holder_alone(holding, project):
    (project / ".lradapt").mkdir()
    (project / ".lradapt/stage.lock").write_text("x" * 1000)
    pid = holding("stage").pid
    assert json.loads((project / ".lradapt/stage.lock").read_text())["pid"] == pid


def test_a_file_system_without_locks_gives_a_warning_and_no_error(monkeypatch, caplog):
    def refused(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refused)
    with lock.run(), lock.stage():
        pass
    assert "this file system has no file locks" in caplog.text


def test_any_other_error_of_the_lock_is_raised(monkeypatch):
    def refused(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(fcntl, "flock", refused)
    with pytest.raises(OSError, match="Input/output"), lock.stage():
        pass


@pytest.mark.parametrize("name", ["run", "stage"])
@pytest.mark.parametrize("hold", [lock.run, lock.stage, lock.importing])
def test_a_lock_that_is_a_link_is_refused_and_what_it_leads_to_is_not_emptied(project, name, hold):
    letter = project / "letter.txt"
    letter.write_text("precious")
    (project / ".lradapt").mkdir()
    (project / f".lradapt/{name}.lock").symlink_to(letter)
    with pytest.raises(LradaptError, match=rf"\.lradapt/{name}\.lock is a link"), hold():
        pass
    assert letter.read_text() == "precious"
