"""A program that imports slow libraries once, and forks itself for each command that uses them.

    python -m tasks.processes.fork_server

Its standard input is a socket from which it receives requests (`tasks.processes.fork_client`); it
ends when the other end is closed. Each command runs below a supervisor, like a command that is
started as a new program.

Code of lradapt may change between two commands: a fork uses what was imported only as long as no
file has changed (`tasks.processes.own_code`). The server starts no thread and uses no GPU, since a
fork would inherit their state.
"""

import gc
import json
import os
import select
import signal
import socket
from contextlib import suppress
from typing import Any, NoReturn

from tasks.processes import dvc_fork, ending, own_code
from tasks.processes.forks import Command, Fork, become, reset_signals
from tasks.processes.supervisor import supervise

MAX_BYTES = 1 << 17
"""Of a request; the system's limit for one message of a socket is larger."""
NUM_FILES = 4


def main() -> None:
    """Serve requests until the other end of the socket is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the flow, which then ends this
    _serve_requests(socket.socket(fileno=os.dup(0)), [])


def _serve_requests(requests: socket.socket, to_import: list[str]) -> NoReturn:
    """Serve requests, and import modules while there are none; then end the process."""
    others: list[int] = []
    while request := _receive(requests, to_import):
        content, files = request
        for name in content.get("first", ()):
            _import(name)
        gc.freeze()  # a fork's search for garbage would touch, and so copy, all of the memory
        if "command" in content and not os.fork():
            requests.close()
            _serve(Command(**content["command"]), *files)
        if "other" in content:
            others.append(_start_other(requests, files[0], content["other"]))
        for file in files:
            os.close(file)
        _collect_ended(os.WNOHANG)
    for pid in others:  # their commands have ended
        os.kill(pid, signal.SIGKILL)
    _collect_ended(0)
    os._exit(0)  # the libraries need not be taken apart: the flow waits for this end


def _receive(
    requests: socket.socket, to_import: list[str]
) -> tuple[dict[str, Any], list[int]] | None:
    """Import modules until there is a request; return it with its files, or None at the end."""
    while to_import and not select.select([requests], [], [], 0)[0]:
        _import(to_import.pop(0))
    text, files, _, _ = socket.recv_fds(requests, MAX_BYTES, NUM_FILES)
    return (json.loads(text), files) if text else None


def _start_other(own: socket.socket, requests: int, to_import: list[str]) -> int:
    """Fork another server, with requests and imports of its own; return its process."""
    pid = os.fork()
    if not pid:
        own.close()
        _read_nothing()  # standard input is the other copy of `own`
        _serve_requests(socket.socket(fileno=requests), to_import)
    return pid


def _collect_ended(options: int) -> None:
    """Take note of ended children, whose CPU seconds count as those of this process then."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, options)[0]:
            pass


def _import(name: str) -> None:
    """Import a module; the command that needs one that cannot be imported reports it."""
    gc.disable()  # an import makes many objects, and hardly any garbage
    with suppress(Exception):
        own_code.import_module(name)
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
    _read_nothing()
    reset_signals()
    ending.forget_inherited()
    if command.module == "dvc" and "repro" in command.arguments:
        dvc_fork.run(command)
    become(command)


def _read_nothing() -> None:
    """Make standard input empty."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


if __name__ == "__main__":
    main()
