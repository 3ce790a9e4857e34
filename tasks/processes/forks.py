"""A fork of this process that runs a Python module, as a new `python -m MODULE` would."""

import os
import runpy
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from tasks.processes import ending, own_code, supervisor


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
    own_code.forget("tasks")  # another project may have its own
    own_code.forget_changed()
    sys.argv = ["", *command.arguments]
    sys.orig_argv = [sys.executable, "-m", command.module, *command.arguments]
    ending.end(_run(command.module))


def _run(module: str) -> int:
    """Run a module as a program, and return its exit code as Python would give it."""
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        return ending.exit_code(ended)
    except BaseException:  # noqa: BLE001  Python would report each, too
        sys.excepthook(*sys.exc_info())
        return 1
    return 0
