"""The end of a process: what it has left to do is done, what its parent has is not."""

import subprocess
import sys

import pytest

from tasks.processes import ending
from tests.projects import PROGRAMS, ROOT

PROGRAM = """
import atexit, gc, os, sys, tempfile, threading, time, weakref
from pathlib import Path
from tasks.processes import ending

class Kept: pass

gone = weakref.proxy(Kept())  # it raises when asked for anything
kept, folder = Kept(), tempfile.mkdtemp(dir=".")
weakref.finalize(kept, print, "finalizer of the parent", flush=True)
atexit.register(print, "exit of the parent", flush=True)
gc.freeze()
if not os.fork():
    ending.forget_inherited()
    file = open("left open", "w")
    own = tempfile.TemporaryDirectory(dir=folder)
    atexit.register(print, "exit of the fork")
    threading.Thread(target=lambda: (time.sleep(0.2), print("thread of the fork"))).start()
    file.write("written")
    try:
        sys.exit(3)
    except SystemExit as ended:
        ending.end(ending.exit_code(ended))
print(os.waitstatus_to_exitcode(os.wait()[1]), Path("left open").read_text(), os.listdir(folder))
sys.stdout.flush()
os._exit(0)
"""


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    environment = PROGRAMS | {"PYTHONPATH": str(ROOT)}
    folder = tmp_path_factory.mktemp("ending")
    words = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(
        words, env=environment, cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_a_fork_does_not_do_what_its_parent_has_left_to_its_end(output):
    assert not [line for line in output if "parent" in line]


def test_it_does_its_own(output):
    assert output == ["thread of the fork", "exit of the fork", "3 written []"]


@pytest.mark.parametrize(("given", "code"), [(None, 0), (2, 2), ("error: no images", 1)])
def test_the_exit_code_is_the_one_of_python(given, code, capsys):
    assert ending.exit_code(SystemExit(given)) == code
    assert capsys.readouterr().err == ("error: no images\n" if code == 1 else "")
