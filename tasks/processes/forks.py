"""A fork of this process that runs a Python module, as a new `python -m MODULE` would."""

import atexit
import gc
import io
import os
import runpy
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from tasks.processes import supervisor


@dataclass(frozen=True, slots=True)
class Command:
    """A module to run, with its arguments, its environment and its working directory."""

    module: str
    arguments: Sequence[str]
    environment: dict[str, str]
    folder: str


@dataclass(slots=True)
class Fork(supervisor.Child):
    """A forked process, with what is used of `subprocess.Popen`."""

    pid: int
    returncode: int | None = field(default=None)

    def poll(self) -> int | None:
        """Return the exit code, or None if the process still runs."""
        return self._collect(os.WNOHANG)

    def wait(self) -> int:
        """Wait for the end, and return the exit code; -N after signal N."""
        code = self._collect(0)
        assert code is not None
        return code

    def communicate(self) -> None:
        """Wait for the end; input and output are those of this process."""
        self.wait()

    def _collect(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode


def reset_signals() -> None:
    """Handle signals as a new Python process does."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def become(command: Command) -> NoReturn:
    """Run the module as the program of this process, and end the process with its exit code."""
    os.environ.clear()
    os.environ.update(command.environment)
    os.chdir(command.folder)
    sys.path[0] = command.folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "tasks"]:
        del sys.modules[name]  # another project may have its own
    sys.argv = ["", *command.arguments]
    sys.orig_argv = [sys.executable, "-m", command.module, *command.arguments]
    end(_run(command.module))


def _run(module: str) -> int:
    """Run a module as a program, and return its exit code as Python would give it."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    except BaseException:  # noqa: BLE001  Python would report each, too
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def end(code: int) -> NoReturn:
    """End this process without taking its objects apart, which are those of the parent.

    Python would touch, and so copy, the memory of each library: seconds for a fork of a process
    with PyTorch. What a program leaves to its end is done: threads, `atexit`, files left open.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for each in gc.get_objects():
        if isinstance(each, io.TextIOWrapper | io.BufferedWriter | io.BufferedRandom):
            with suppress(ValueError, OSError):  # it is closed, or its reader has gone
                each.flush()
    os._exit(code & 0xFF)
