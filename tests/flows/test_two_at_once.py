"""Two flows and a `dvc repro` that are started at once: one after the other works, and each
training is done once."""

import re
import subprocess
import sys
from contextlib import ExitStack

import pytest

from tests.projects import PROGRAMS, dvc, stages_run

pytestmark = [pytest.mark.slow, pytest.mark.long]

TRAININGS = ("train_head", "finetune")
WITNESS = """

def _seen(train):
    import functools
    import os

    def note(what):
        with open({log!r}, "a") as log:
            log.write(f"{{what}} {stage} {{os.getpid()}}\\n")

    @functools.wraps(train)
    def seen(**paths):
        note("begins")
        try:
            train(**paths)
        finally:
            note("ends")

    return seen


main = _seen(main)
"""
"""In the copy of a training stage: it tells of its begin and end, whatever locks there are."""
FLOW = ("-m", "flows.retrain")
REPRO = ("-m", "dvc", "repro")


@pytest.fixture(scope="module")
def witnessed(project, by_server):
    """The project, whose trainings tell of their begin and end in a file; that file."""
    log = project / "trainings.log"
    for stage in TRAININGS:
        with (project / f"lradapt/stages/{stage}.py").open("a") as file:
            file.write(WITNESS.format(log=str(log), stage=stage))
    return project, log


def at_once(project, *commands):
    """Run programs at the same time; the exit code of each and its output."""
    with ExitStack() as stack:
        started = []
        for number, command in enumerate(commands):
            output = stack.enter_context((project / f"output{number}.log").open("w+"))
            process = stack.enter_context(
                subprocess.Popen(
                    [sys.executable, *command],
                    cwd=project,
                    env=PROGRAMS,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                )
            )
            stack.callback(process.kill)
            started.append((process, output))
        ends = []
        for process, output in started:
            process.wait()
            output.seek(0)
            ends.append((process.returncode, output.read()))
    return ends


def test_two_flows_and_a_repro_at_once_train_once_and_one_after_the_other(witnessed):
    project, log = witnessed
    *flows, (code, by_hand) = at_once(project, FLOW, FLOW, REPRO)
    for end, output in flows:
        assert end == 0, output
    assert "Traceback" not in "".join([by_hand, *(output for _, output in flows)])

    output = "".join(output for _, output in flows)
    assert re.search(r"waiting: `.*` \(pid \d+ on .*is active in this project", output), output
    assert output.count("promote: it is the first model") == 1
    assert output.count("is in production already") == 1
    if code:
        refused = r"is active in this project \(.*\): only one run|is busy, it is being blocked by"
        assert re.search(refused, by_hand), by_hand

    lines = [line.split() for line in log.read_text().splitlines()]
    assert [line[:2] for line in lines] == [
        [what, stage] for stage in TRAININGS for what in ("begins", "ends")
    ]
    pids = [pid for *_, pid in lines]
    assert pids[::2] == pids[1::2], "a training began before another had ended"
    assert stages_run(dvc(project, "repro").stdout) == ["code"]  # which always runs
