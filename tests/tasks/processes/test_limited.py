"""A command without output and with a limit of time."""

import os
import sys

from tasks.processes.limited import run_limited
from tests.waiting import wait_for


def python(code, *words):
    return [sys.executable, "-c", code, *map(str, words)]


def test_a_command_that_ends_gives_its_exit_code_and_prints_nothing(capfd):
    assert run_limited(python("print('a secret'); exit(3)"), seconds=60) == 3
    assert capfd.readouterr() == ("", "")


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path):
    code = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "open(sys.argv[1], 'w').write(str(child.pid))\n"
        "time.sleep(600)\n"
    )
    assert run_limited(python(code, tmp_path / "pid"), seconds=3) is None
    child = int((tmp_path / "pid").read_text())
    wait_for(lambda: not _runs(child), seconds=30)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return open(f"/proc/{pid}/stat").read().split()[2] != "Z"
