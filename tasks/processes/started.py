"""A command that has been started below a supervisor."""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from tasks.processes import supervisor


@dataclass(frozen=True, slots=True)
class Started:
    """A running command.

    Attributes:
        lifeline: its supervisor ends every process of the command when this is closed.
        output: what the command prints.
        wait: waits for the end and returns the exit code: after a signal, 128 + its number.
    """

    lifeline: IO[Any]
    output: IO[str]
    wait: Callable[[], int]


def start_program(
    command: Sequence[str], environment: Mapping[str, str], errors: int = subprocess.STDOUT
) -> Started:
    """Start a command as a new program; `errors` is the file of what it says of errors."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", supervisor.__file__, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        errors="replace",
        env=environment,
        start_new_session=True,
    )
    assert process.stdin
    assert process.stdout
    return Started(process.stdin, process.stdout, process.wait)
