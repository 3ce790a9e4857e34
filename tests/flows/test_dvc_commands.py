"""Commands of DVC beside another DVC, which holds a file for a moment, or for long."""

import json
import os
import time

import pytest

from tasks.pipeline import dvc_commands
from tasks.pipeline.plan import read_status
from tasks.processes.child import CommandFailedError


@pytest.fixture
def pauses(monkeypatch):
    """The seconds that were waited, none of which pass."""
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    return waited


def test_a_file_that_another_dvc_holds_for_a_moment_is_asked_for_again(monkeypatch, pauses):
    output = iter([dvc_commands.BUSY, dvc_commands.BUSY, ""])

    def child(command, *, settings):
        if text := next(output):
            raise CommandFailedError(f"ERROR: 'a' {text}:")

    monkeypatch.setattr(dvc_commands, "run_child", child)
    dvc_commands.run("repro")
    assert pauses == [1, 2]


def test_any_other_failure_of_dvc_is_not_tried_again(monkeypatch, pauses):
    def child(command, *, settings):
        raise CommandFailedError("ERROR: no such stage")

    monkeypatch.setattr(dvc_commands, "run_child", child)
    with pytest.raises(CommandFailedError, match="no such stage"):
        dvc_commands.run("repro")
    assert pauses == []


@pytest.fixture
def held(chain):
    """A project of DVC's in which another DVC, this process, makes `upper.txt`; its lock's file."""
    lock = chain / ".dvc/tmp/rwlock"
    writer = {str(chain / "upper.txt"): {"pid": os.getpid(), "cmd": "dvc repro"}}
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(json.dumps({"write": writer, "read": {}}))
    return lock


ASKED = {
    "status": lambda: read_status("dvc.yaml"),
    "repro": lambda: dvc_commands.run("repro", "upper"),
}


@pytest.mark.slow
@pytest.mark.parametrize("asked", ASKED)
def test_what_dvc_itself_says_of_such_a_file_is_understood(held, monkeypatch, asked, caplog):
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        held.unlink()

    monkeypatch.setattr(time, "sleep", pause)
    ASKED[asked]()
    assert pauses == [1]
    assert "waiting 1 s: another DVC command runs in this project" in caplog.messages


@pytest.mark.slow
def test_a_file_that_is_held_for_long_is_reported_in_dvcs_words(held, pauses, monkeypatch):
    monkeypatch.setattr(dvc_commands, "BUSY_SECONDS", (1, 2))
    with pytest.raises(CommandFailedError, match=r"dvc status failed: .*upper.txt' is busy") as e:
        read_status("dvc.yaml")
    assert f"(PID {os.getpid()}): dvc repro" in str(e.value)
    assert pauses == [1, 2]
