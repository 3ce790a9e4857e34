"""The flow killed amid its trainings, again and again: nothing lives on, and the bytes are those
of a run that nobody disturbed."""

import random
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.waiting import wait_for

pytestmark = [pytest.mark.slow, pytest.mark.long]

MARK = "LRADAPT_TEST_MARK"
KILLS = [("train_head", 2.0), ("finetune", 2.0), ("", 4.0)]
"""After the beginning of which stage, and at most how many seconds later; "": of the flow."""


@pytest.fixture(scope="module")
def environment(served):
    return served | {MARK: uuid.uuid4().hex}


@contextmanager
def flow(project, environment):
    """The flow as a program; and the file that has what it says."""
    output = project / "output.log"
    with output.open("w") as file:
        command = [sys.executable, "-m", "flows.retrain"]
        started = subprocess.Popen(
            command, cwd=project, env=environment, stdout=file, stderr=subprocess.STDOUT
        )
        try:
            yield started, output
        finally:
            started.kill()
            started.wait()


def ours(environment):
    """The processes that inherited the mark."""
    mark = f"{MARK}={environment[MARK]}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found.append(folder.name)
        except OSError:  # it has ended meanwhile
            continue
    return found


def kill_amid(project, environment, stage, seconds):
    with flow(project, environment) as (started, output):
        if stage:
            wait_for(lambda: f"Running stage '{stage}'" in output.read_text(), seconds=240)
        time.sleep(seconds)
        assert started.poll() is None, output.read_text()
        started.send_signal(signal.SIGKILL)
    wait_for(lambda: not ours(environment), seconds=60)


def locked(project):
    """The stages in dvc.lock but `code`, which the flow runs by itself and DVC alone records."""
    stages = yaml.safe_load((project / "dvc.lock").read_text())["stages"]
    return {name: entry for name, entry in stages.items() if name != "code"}


def test_a_flow_killed_three_times_ends_with_the_lock_of_an_undisturbed_run(
    project, made_once, environment
):
    draw = random.Random(0)
    for stage, seconds in KILLS:
        kill_amid(project, environment, stage, draw.uniform(1, seconds))
    with flow(project, environment) as (last, output):
        assert last.wait(600) == 0, output.read_text()
        assert "promote: it is the first model" in output.read_text()
    assert locked(project) == locked(made_once)  # another copy of it, after `dvc repro`
