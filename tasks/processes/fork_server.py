"""A program that imports slow libraries once, and forks itself for each command that uses them.

    python -m tasks.processes.fork_server

Its standard input is a socket from which it receives requests (`tasks.processes.fork_client`); it
ends when the other end is closed. Each command runs below a supervisor, like a command that is
started as a new program.

It imports no code of the project: that may change between two commands. It starts no thread and
uses no GPU, since a fork would inherit their state.
"""

import gc
import importlib
import json
import os
import select
import signal
import socket
from contextlib import suppress
from typing import NoReturn

from tasks.processes import dvc_fork, ending
from tasks.processes.forks import Command, Fork, become, reset_signals
from tasks.processes.supervisor import supervise

MAX_BYTES = 1 << 17
"""Of a request; the system's limit for one message of a socket is larger."""
NUM_FILES = 4


def main() -> None:
    """Serve requests until the other end of the socket is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the flow, which then ends this
    requests = socket.socket(fileno=os.dup(0))
    to_import: list[str] = []
    while True:
        while to_import and not select.select([requests], [], [], 0)[0]:
            _import(to_import.pop(0))
        text, files, _, _ = socket.recv_fds(requests, MAX_BYTES, NUM_FILES)
        if not text:
            break
        request = json.loads(text)
        for name in request["first"]:
            _import(name)
        gc.freeze()  # a fork's search for garbage would touch, and so copy, all of the memory
        if "command" in request and not os.fork():
            requests.close()
            _serve(Command(**request["command"]), *files)
        for file in files:
            os.close(file)
        to_import += request["then"]
        _collect_ended(os.WNOHANG)
    _collect_ended(0)
    os._exit(0)  # the libraries need not be taken apart: the flow waits for this end


def _collect_ended(options: int) -> None:
    """Take note of ended children, whose CPU seconds count as those of this process then."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def _import(name: str) -> None:
    """Import a module; the command that needs one that cannot be imported reports it."""
    gc.disable()  # an import makes many objects, and hardly any garbage
    with suppress(Exception):
        importlib.import_module(name)
    gc.enable()


def _serve(command: Command, lifeline: int, output: int, result: int, errors: int) -> NoReturn:
    """Supervise a command in this process, write its exit code to `result`, and end."""
    os.setsid()
    for number, file in enumerate((lifeline, output, errors)):
        os.dup2(file, number)
        os.close(file)
    reset_signals()
    code = supervise(lambda: _start(command, result))
    with suppress(BrokenPipeError):  # the flow has been killed
        os.write(result, str(code).encode())
    os._exit(0)


def _start(command: Command, result: int) -> Fork:
    """Fork the process of the command."""
    pid = os.fork()
    if not pid:
        _run(command, result)
    return Fork(pid)


def _run(command: Command, result: int) -> NoReturn:
    """Run the command in this process, which leads a session of its own and reads no input."""
    os.setsid()
    os.close(result)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    reset_signals()
    ending.forget_inherited()
    if command.module == "dvc" and "repro" in command.arguments:
        dvc_fork.run(command)
    become(command)


if __name__ == "__main__":
    main()
