"""What the tests start ends with them."""

import os
import signal
import subprocess
import sys

import pytest

from tests.prefect_server import ENDS_WITH_ITS_PARENT
from tests.projects import PROGRAMS, ROOT
from tests.waiting import wait_for

PROGRAM = """
import os, signal, sys
from tests.prefect_server import process

with process(sys.argv[1], dict(os.environ), "-c", "import time; time.sleep(60)") as started:
    print(started.pid, flush=True)
    while not open(f"/proc/{started.pid}/cmdline").read().startswith(sys.executable):
        pass
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.skipif(not ENDS_WITH_ITS_PARENT, reason="setpriv (util-linux) is not installed")
def test_a_program_ends_with_the_tests_that_were_killed(tmp_path):
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=PROGRAMS, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid = int(done.stdout)
    wait_for(lambda: not _lives(pid), seconds=20)


def _lives(pid):
    """Whether a process runs: a zombie does not, and this one's parent may never fetch it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat") as stat:
        return stat.read().rpartition(")")[2].split()[0] != "Z"
