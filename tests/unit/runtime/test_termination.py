import os
import select
import signal
import subprocess
import sys
import threading

import pytest

from lradapt.runtime.system.processes import end_with_parent
from lradapt.runtime.termination import Terminated, on_sigterm

PARENT = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE)\n"
    "assert child.stdout.readline() == b'1\\n', 'it could not ask for it'\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)
CHILD = (
    "import time\n"
    "from lradapt.runtime.system.processes import end_with_parent\n"
    "end_with_parent()\n"
    "print(1, flush=True)\n"
    "time.sleep(60)\n"
)


def test_sigterm_calls_in_the_block_and_the_previous_handler_is_restored():
    called = []
    previous = signal.getsignal(signal.SIGTERM)
    with on_sigterm(lambda: called.append(1)):
        os.kill(os.getpid(), signal.SIGTERM)
    assert called == [1]
    assert signal.getsignal(signal.SIGTERM) is previous


def test_an_exception_of_the_call_leaves_the_block():
    def act():
        raise Terminated("now")

    previous = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated, match="now"), on_sigterm(act):
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is previous


def test_error_handlers_do_not_catch_it():
    assert not issubclass(Terminated, Exception)


def test_in_another_thread_the_block_runs_without_a_handler():
    done = []

    def work():
        with on_sigterm(lambda: None):
            done.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux signals a child")
def test_a_process_ends_when_its_parent_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, CHILD], stdout=subprocess.PIPE, text=True
    ) as parent:
        child = int(parent.stdout.readline())
        watched = os.pidfd_open(child)
        parent.kill()
        assert select.select([watched], [], [], 60)[0], "it outlives its parent"
        os.close(watched)


def test_a_parent_that_died_before_the_call_of_prctl_is_noticed(monkeypatch):
    parents = iter([4321, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr("ctypes.CDLL", lambda *words, **settings: _NoSystem())
    called = []
    with on_sigterm(lambda: called.append(1)):
        end_with_parent()
    assert called == [1]


def test_elsewhere_than_on_linux_nothing_happens(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("ctypes.CDLL", None)
    end_with_parent()


class _NoSystem:
    def prctl(self, *words):
        return 0
